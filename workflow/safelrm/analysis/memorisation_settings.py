"""Settings of the commands `min_k` and `memorisation`: how far bases know the texts that they are trained on."""

from typing import Annotated

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Dtype, ModulePath, Name, Seed, Strict

# names of what a module tells apart, beside data sets
TRAINED_ON, LEFT_OUT = "trained_on", "left_out"
Percent = Annotated[int, Field(ge=1, le=100)]


class KnownMembership(Strict):
    """What is known of the texts that a base was made of: data sets, or a module that tells them apart."""

    members: list[Name] = Field(
        default_factory=list, description="conversations that the base was trained on, keys of `datasets`"
    )
    others: list[Name] = Field(
        default_factory=list,
        description="conversations of the same origin that it was not trained on, keys of `datasets`",
    )
    module: ModulePath | None = Field(
        None,
        description="in place of both: the module that says which texts the base was trained on, such as"
        " safelrm.nano.pretraining.drawn",
    )
    size: Count = Field(1000, description="texts of either side that are taken of the module's")

    @model_validator(mode="after")
    def _has_both_sides(self) -> "KnownMembership":
        if bool(self.members) != bool(self.others) or bool(self.members) == bool(self.module):
            raise ValueError("give either `members` and `others`, or `module`")
        return self


class KnownByModule(Strict):
    """What the command `min_k` is told of a module that says which texts a base was trained on."""

    module: ModulePath = Field(description="the module")
    settings: dict[str, object] = Field(description="settings of the base's factory")
    inputs: dict[Name, str] = Field(description="files that the base was made from, by the factory's names")
    seed: Seed = Field(description="seed of the base")
    curve: str = Field(description="training curve of the base")
    size: Count = Field(description="texts of either side that are taken")


class MinKSettings(Strict):
    """How Min-K% probabilities are taken. Settings of the command `min_k`."""

    k: Percent = Field(60, description="K: the percentage of the tokens, the least probable ones, that is averaged")
    sweep: list[Percent] = Field(
        [20, 40, 80, 100], description="other K, which the table compares; 100 averages all tokens"
    )
    prompt: bool = Field(
        False,
        description="whether the tokens of the prompt count, too, all but the first; false: those of the response,"
        " given the prompt",
    )
    sample: Count | None = Field(
        None, description="rows of a data set that are read, drawn by the name of the set; none: all"
    )
    dtype: Dtype = Field("float32", description="arithmetic of the base")
    batch_tokens: Count = Field(
        2048, description="tokens of a forward pass; its logits are so many times the vocabulary"
    )

    @property
    def percentages(self) -> list[int]:
        """Every K, in order."""
        return sorted({self.k, *self.sweep})


class MemorisationJobSettings(Strict):
    """Settings of the command `memorisation`."""

    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="level of the intervals")
    bootstrap_samples: Count = Field(2000, description="resamples of the interval of an AUROC")


class MemorisationSettings(MinKSettings):
    """How familiar the texts of data sets are to bases before any of them is trained on them."""

    datasets: list[Name] = Field(min_length=1, description="conversations, keys of `datasets` or `selections`")
    models: list[Name] = Field(min_length=1, description="the bases that read them, keys of `models`")
    known: dict[Name, KnownMembership] = Field(
        default_factory=dict,
        description="by base, texts of which it is known whether it was trained on them; they say how well Min-K%"
        " probability tells the two apart",
    )
    bootstrap_samples: Count = Field(2000, description="resamples of the interval that says so")

    def read_by(self, model: str) -> dict[str, bool | None]:
        """The data sets that a base reads, and whether it was trained on them; None if that is not known."""
        known = self.known.get(model)
        members = dict.fromkeys(known.members, True) | dict.fromkeys(known.others, False) if known else {}
        return {**dict.fromkeys(self.datasets), **members}

    @property
    def all_datasets(self) -> list[str]:
        """Every data set that a base reads, each once."""
        return list(dict.fromkeys(name for model in self.models for name in self.read_by(model)))

    @model_validator(mode="after")
    def _names_each_once(self) -> "MemorisationSettings":
        for key in ("datasets", "models"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise ValueError(f"{key}: name each once")
        if unknown := sorted(set(self.known) - set(self.models)):
            raise ValueError(f"known: {unknown} are not among `models`, which are {self.models}")
        for model, known in self.known.items():
            of_module = [TRAINED_ON, LEFT_OUT] if known.module else []
            named = [*self.datasets, *known.members, *known.others, *of_module]
            if len(set(named)) < len(named):
                raise ValueError(
                    f"known.{model}: name each data set once, in `datasets`, `members` or `others`, and none"
                    f" `{TRAINED_ON}` or `{LEFT_OUT}`, as a module's texts are called"
                )
        return self
