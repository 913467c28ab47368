"""Entries of a study: its data sets, its benchmarks, and models that are taken or made."""

from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from safelrm.analysis.settings import Use
from safelrm.core.settings import ModulePath, ModuleSettings, Name, Positive, Seed, Strict
from safelrm.data.presets import with_data_preset
from safelrm.generation.settings import ONE_MODE, BenchmarkSettings, DecodingMode
from safelrm.inference.presets import completed
from safelrm.inference.settings import GuardSettings
from safelrm.models.settings import HubModel

# the source of data sets that are made from other data sets
REFINED = "safelrm.data.refine"
HUB_FACTORY, FOLDER_FACTORY = "safelrm.models.hub", "safelrm.models.folder"


class ExpectedTexts(Strict):
    """Expected size of a data set. Only estimates of time and memory depend on it."""

    rows: Positive | None = Field(None, description="rows; none: the `size` of the source's settings, or 1000")
    prompt_tokens: Positive | None = Field(None, description="mean tokens of a prompt; none: a guess")
    response_tokens: Positive | None = Field(
        None,
        description="mean tokens of a response: in the data, or of models to these prompts; none: half of the limit",
    )


class DatasetEntry(Strict):
    """One data set: prompts, conversations, a corpus or labelled texts. A preset gives what is left out."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema.pop("required"))

    preset: Name | None = Field(
        None,
        exclude=True,
        description="a public data set, whose source and settings hold unless they are given here (docs/sources.md)",
    )
    source: ModulePath = Field(description="module that loads it, such as safelrm.data.sources.table")
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module")
    expected: ExpectedTexts = Field(
        default_factory=ExpectedTexts, description="expected size, for estimates of what jobs need"
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: object) -> object:
        return with_data_preset(given)

    @property
    def path(self) -> str | None:
        """The user's file that it is read from; None if its source needs none."""
        path = self.settings.get("path")
        return None if path is None else str(path)

    @property
    def origins(self) -> list[str]:
        """The data sets that it is made from, its rows' first; none if a source loads it."""
        if self.source != REFINED:
            return []
        return [str(self.settings.get("dataset")), *self.settings.get("overlap_with", [])]


class BenchmarkEntry(BenchmarkSettings):
    """One benchmark: prompts that every arm answers. One data set may be several, such as plain and attacked."""

    dataset: Name = Field(description="the prompts, a key of `datasets`")
    name: Name | None = Field(None, description="the benchmark's name in tables and settings; none: the data set's")
    use: Use = Field(
        "report",
        description="what its numbers are for: `tune`, to choose settings by them, or `report`, to be results; all"
        " benchmarks of a study have one use, and tables of `tune` say so",
    )

    @property
    def asked(self) -> BenchmarkSettings:
        """How the prompts are asked."""
        return BenchmarkSettings(**{name: getattr(self, name) for name in BenchmarkSettings.model_fields})


def named_benchmark(given: object) -> object:
    """A benchmark that is given by its name alone, or without one, in full."""
    whole = {"dataset": given} if isinstance(given, str) else given
    return {**whole, "name": whole.get("name") or whole.get("dataset")} if isinstance(whole, dict) else whole


class MadeModel(Strict):
    """A model that is taken from a hub (`hub`) or a folder (`path`), or trained (`factory` and `inputs`)."""

    hub: HubModel | None = Field(None, description="the model of a hub that is taken")
    path: str | None = Field(
        None, min_length=1, description="the folder of a model that is taken: Hugging Face's format, safetensors only"
    )
    factory: ModulePath | None = Field(None, description="module that trains it, such as safelrm.nano.pretraining.base")
    inputs: dict[Name, Name] = Field(
        default_factory=dict, description="what the factory trains on: a key of `datasets` for each of its own names"
    )
    seed: Seed = Field(0, description="seed of a training from scratch")
    settings: ModuleSettings = Field(
        default_factory=dict,
        description="settings of the factory; for a model of a hub or a folder those of safelrm.models.hub",
    )

    @property
    def maker(self) -> str:
        """Module of the factory."""
        return self.factory or (FOLDER_FACTORY if self.path else HUB_FACTORY)

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        origins = [key for key in ("hub", "path", "factory") if getattr(self, key)]
        if not origins:
            raise ValueError(
                "give either `hub`, to take it from a hub, `path`, to take it from a folder, or `factory`, to train it"
            )
        if len(origins) > 1:
            raise ValueError(f"a model has one origin: leave out `{origins[-1]}`, or `{origins[0]}`")
        if self.inputs and not self.factory:
            raise ValueError(f"a model of a hub or a folder is not trained: leave out `inputs`, or `{origins[0]}`")
        return self


class ModelEntry(MadeModel):
    """One base model."""

    decodings: dict[Name, DecodingMode] = Field(
        ONE_MODE, min_length=1, description="decoding modes by name; all are evaluated, and tables show the first"
    )


class GuardEntry(MadeModel):
    """One guard."""

    reading: Annotated[GuardSettings, BeforeValidator(completed, Name | GuardSettings)] = Field(
        description="how the guard is asked and read: the name of a preset, or a mapping (docs/guards.md)"
    )
