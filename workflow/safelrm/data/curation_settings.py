"""Settings of curation: what counts as a repeated prompt, what is dropped, and what is drawn."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, ModulePath, ModuleSettings, Name, Seed, Strict

Similarity = Annotated[float, Field(gt=0.0, le=1.0)]


class MatchSettings(Strict):
    """From when two prompts repeat each other (docs/data.md)."""

    near: Similarity = Field(0.7, description="token Jaccard similarity from which two prompts are near duplicates")
    ngram_words: Count = Field(8, description="words in a run, of which two prompts may have several in common")
    ngram_share: Similarity = Field(
        0.7,
        description="share of the runs of the prompt that has fewer of them, from which the two are `ngrams`; 0.001"
        " means any common run",
    )


class CurationSettings(MatchSettings):
    """Which data sets are compared with each other, all with all."""

    datasets: list[Name] = Field(min_length=1, description="prompts or conversations, keys of `datasets`")

    @property
    def matching(self) -> MatchSettings:
        """From when two prompts repeat each other."""
        return MatchSettings(**{name: getattr(self, name) for name in MatchSettings.model_fields})


class RefineSettings(MatchSettings):
    """A data set made from another: without rows that repeat others, and of a smaller size."""

    dataset: Name = Field(description="prompts or conversations, a key of `datasets`")
    duplicates: Literal["keep", "exact", "near"] = Field(
        "keep", description="drop rows that repeat an earlier row of the set: none, equal ones, or near ones, too"
    )
    overlap_with: list[Name] = Field(
        default_factory=list,
        description="drop rows that repeat a row of these data sets, keys of `datasets`, in one of the ways of `kinds`",
    )
    kinds: list[Literal["exact", "near", "contained", "ngrams"]] = Field(
        ["exact", "near", "contained", "ngrams"], min_length=1, description="ways of repeating that count"
    )
    size: Count | None = Field(None, description="number of rows to take of those that are left; none: all")
    method: Literal["random", "diverse"] = Field(
        "random", description="how they are taken: at random, or far from each other (docs/data.md)"
    )
    seed: Seed = Field(0, description="seed of what is taken")

    @model_validator(mode="after")
    def _is_not_compared_with_itself(self) -> Self:
        if self.dataset in self.overlap_with:
            raise ValueError("`overlap_with` names `dataset`: use `duplicates` for repeated rows within a set")
        return self


class CardFacts(Strict):
    """What a configuration says of a data set."""

    source: ModulePath = Field(description="module that makes it")
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module, without paths")
    title: str | None = Field(None, description="what the data set is")
    licence: str | None = Field(None, description="its licence")
    warning: str | None = Field(None, description="what one must know before one uses it")

    @property
    def hub(self) -> str | None:
        """The repository of a hub that its rows are fetched from."""
        return self._text("hub") if self.sha256 is None else None

    @property
    def revision(self) -> str | None:
        """The commit of that repository."""
        return self._text("revision")

    @property
    def sha256(self) -> str | None:
        """The hash of the publisher's file."""
        return self._text("sha256")

    def _text(self, key: str) -> str | None:
        value = self.settings.get(key)
        return None if value is None else str(value)


class CardSettings(Strict):
    """The data sets that have cards."""

    datasets: dict[Name, CardFacts] = Field(description="each data set by name")
