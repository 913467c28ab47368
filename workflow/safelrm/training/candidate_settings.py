"""Settings of candidates, and of DPO, which learns from pairs of them."""

from typing import Literal

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Dtype, Name, Positive, Share, Strict
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.settings import EpochSettings

# losses of TRL's DPOTrainer that need pairs, beta and, for some, label smoothing
PairLoss = Literal[
    "sigmoid",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "apo_zero",
    "apo_down",
    "sigmoid_norm",
]
# of these, the losses that label smoothing changes
SMOOTHED = ("exo_pair", "robust")


class CandidateSettings(Strict):
    """Several completions of each prompt, by the checkpoint that an arm starts from, with their rewards."""

    prompts: list[Name] = Field(
        min_length=1, description="prompts, keys of `datasets`; each prompt is asked, and weighs the same"
    )
    rewards: list[RewardTerm] = Field(min_length=1, description="the terms of the reward, as in `rl`")
    guard_dtype: Dtype = Field("float32", description="arithmetic of the guards that terms read")
    samples: int = Field(8, ge=2, description="completions per prompt")
    temperature: Positive = Field(1.0, description="sampling temperature, without top-p and top-k, as in `rl`")
    max_tokens: Count = Field(description="token limit of a completion, its end token included")
    dtype: Dtype = Field("float32", description="arithmetic of the engine")
    max_model_length: Count = Field(description="longest prompt plus completion, in tokens")

    @property
    def guards(self) -> list[str]:
        """The guards that terms of the reward read, each once."""
        return list(dict.fromkeys(guard for term in self.rewards for guard in term.guards))

    @model_validator(mode="after")
    def _check(self) -> "CandidateSettings":
        for key, names in (("rewards", [term.name for term in self.rewards]), ("prompts", self.prompts)):
            if len(set(names)) < len(names):
                raise ValueError(f"{key}: each may be named once, found {names}")
        return self


class DpoSettings(EpochSettings):
    """A recipe of direct preference optimisation (DPO, Rafailov et al. 2023, equation 7) or of a loss derived from it.

    The chosen completion of a prompt is its candidate of the highest reward, the rejected one that of the lowest.
    """

    trl_config = "DPOConfig"

    candidates: Name = Field(description="where the pairs come from, a key of `candidates`")
    min_margin: Positive = Field(
        description="least difference of the two rewards; prompts whose candidates differ less make no pair"
    )
    loss: PairLoss = Field("sigmoid", description="DPO loss type of TRL; `sigmoid` is DPO's own")
    beta: Positive = Field(0.1, description="strength of the tie to the reference model, the checkpoint at the start")
    label_smoothing: Share = Field(
        0.0, lt=0.5, description="assumed share of pairs in the wrong order, for the losses `robust` and `exo_pair`"
    )

    @property
    def has_reference_model(self) -> bool:
        """Whether a second model is held. With LoRA the model without its updates is the reference."""
        return self.lora is None

    @model_validator(mode="after")
    def _check(self) -> "DpoSettings":
        if bool(self.label_smoothing) and self.loss not in SMOOTHED:
            raise ValueError(f"label_smoothing: the loss `{self.loss}` has none; {' and '.join(SMOOTHED)} have")
        if self.loss == "exo_pair" and not self.label_smoothing:
            raise ValueError("label_smoothing: the loss `exo_pair` needs one above 0, such as 0.001")
        if self.lora is not None and self.lora.dropout:
            raise ValueError("lora.dropout: DPO compares the policy with its reference without dropout: leave it out")
        return self
