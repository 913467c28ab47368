"""Names of arms, as paths and tables have them.

base, sft-star1                the base; a method and its recipe
rl-grpo-from-sft-star1         trained from the checkpoint of another arm
sft-star1+no_think             asked with an intervention
"""

FROM, WITH = "-from-", "+"


def with_intervention(arm: str, intervention: str | None) -> str:
    """The name of an arm whose model an intervention asks: `sft-star1+no_think`."""
    return arm if intervention is None else f"{arm}{WITH}{intervention}"


def plain_arm(arm: str) -> str:
    """The arm whose checkpoint an arm uses: `sft-star1` for `sft-star1+no_think`."""
    return arm.partition(WITH)[0]


def intervention_of(arm: str) -> str | None:
    """The intervention of an arm: `no_think` for `sft-star1+no_think`; None for a plain arm."""
    return arm.partition(WITH)[2] or None
