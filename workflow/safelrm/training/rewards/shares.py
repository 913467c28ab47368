"""Names of the shares of completions in TRL's log by which training/vanishing.py watches the terms of a reward."""


def scored_metric(name: str) -> str:
    """Name in TRL's log of the share of a step's completions that a term has scored."""
    return f"scored/{name}"


def due_metric(name: str) -> str:
    """Name in TRL's log of the share of a step's completions for prompts of a term's kinds that it is due for.

    A step without such prompts does not have the metric.
    """
    return f"due/{name}"


def unread_metric(name: str) -> str:
    """Name in TRL's log of whether a guard of a term was probed and could not be read: 1 if so, in every process."""
    return f"unread/{name}"
