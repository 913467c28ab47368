"""Settings of the sources of real data and of the audit."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, ModulePath, ModuleSettings, Name, Revision, Seed, Strict

LEAVE_OUT = "leave_out"
REQUIRED = "required"
Kind = Literal["harmful", "benign", "reasoning"]
# a value of a column as YAML writes it; it is compared as text, so that 1 also means the "1" of a CSV file
Value = str | int | bool
Values = Annotated[list[Value], Field(min_length=1)]


class RecordSettings(Strict):
    """Where the rows of a public data set are."""

    path: str | None = Field(
        None,
        description="file to read (.csv, .tsv, .json, .jsonl or .parquet); none: the data set is fetched from the hub",
    )
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="SHA-256 that the file at `path` must have")
    hub: str | None = Field(None, description="id of the data set on the hub")
    hub_config: str | None = Field(None, description="configuration of the data set on the hub")
    hub_file: str | None = Field(None, description="the one file of the data set on the hub that is wanted")
    split: str = Field("train", description="split of the data set on the hub")
    revision: Revision | None = Field(
        None, description="commit of the data set on the hub; none: not known yet, fill it in online"
    )


class KindByLabel(Strict):
    """A column whose labels say what kind of prompt a row holds."""

    column: str = Field(description="column of the labels")
    map: dict[Value, Kind] = Field(
        min_length=1, description="kind for each label; a row with another label is an error, unless a filter drops it"
    )


class Columns(Strict):
    """Names of the columns in the file that every table needs."""

    prompt: str = Field(description="column of the prompts")
    id: str | None = Field(None, description="column of the ids; none: ids are made from the prompts")
    category: str | None = Field(None, description="column of the categories; lists of names are joined with '; '")
    context: str | None = Field(
        None, description="column of texts that stand before the prompt, after which comes a rule (---)"
    )


class PromptColumns(Columns):
    """Names of the columns in a file of prompts."""

    reference: str | None = Field(
        None, description="column of the checkable answers, which reasoning prompts must have"
    )
    behavior: str | None = Field(
        None, description="column of what judges are asked about, where the prompts are an attack's wording of it"
    )
    system: str | None = Field(None, description="column of the system prompts")
    pair: str | None = Field(
        None, description="column of what a harmful prompt and its benign twin share, such as a number"
    )


class ConversationColumns(Columns):
    """Names of the columns in a file of conversations."""

    response: str = Field(description="column of the responses, trace included")


class TableSourceSettings(RecordSettings):
    """How the rows of a file become rows of a table."""

    columns: Columns = Field(description="names of the columns in the file")
    category: str | None = Field(None, min_length=1, description="category of all rows, if no column holds it")
    kind: Kind | KindByLabel = Field(description="kind of all prompts, or the column that says it: {column: …, map: …}")
    prefix: Name = Field("prompt", description="start of the ids that are made from prompts")
    once: bool = Field(False, description="of rows with the same prompt, take the first of the file")
    faulty: Literal["stop", "leave_out"] = Field(
        "stop",
        description="what a row does that does not fit: it stops the job (`stop`), or is left out and counted, if more"
        " than half of the rows fit (`leave_out`)",
    )
    where: dict[str, Values] = Field(
        default_factory=dict,
        description="only rows that hold one of these values, by column; '' stands for an empty field",
    )
    where_not: dict[str, Values] = Field(
        default_factory=dict, description="leave out rows that hold one of these values, by column"
    )
    size: Count | None = Field(None, description="number of rows, drawn at random from those that are left; none: all")
    seed: Seed = Field(0, description="seed of the draw")
    instruction: str | None = Field(
        None, min_length=1, description="text that is put below every prompt, after an empty line"
    )

    @model_validator(mode="after")
    def _has_one_category(self) -> Self:
        if (self.category is None) == (self.columns.category is None):
            raise ValueError("give either `category` or `columns.category`")
        return self


class PromptTableSettings(TableSourceSettings):
    """How the rows of a file become prompts."""

    columns: PromptColumns = Field(description="names of the columns in the file")
    reference_pattern: str | None = Field(
        None, description="regular expression with one group, which is the reference; none: the whole field is"
    )
    reference_drop: str = Field(
        "", description="characters that are taken out of the reference, such as the comma of 1,234"
    )

    @model_validator(mode="after")
    def _has_references_for_reasoning(self) -> Self:
        kinds = [self.kind] if isinstance(self.kind, str) else self.kind.map.values()
        if "reasoning" in kinds and self.columns.reference is None:
            raise ValueError("reasoning prompts need `columns.reference`, the answers that they are checked against")
        return self

    @model_validator(mode="after")
    def _has_a_pattern_with_one_group(self) -> Self:
        if self.reference_pattern is None:
            return self
        try:
            groups = re.compile(self.reference_pattern).groups
        except re.error as error:
            raise ValueError(f"`reference_pattern` is no regular expression ({error})") from None
        if groups != 1 or self.columns.reference is None:
            raise ValueError("`reference_pattern` needs one group, (…), and the column `columns.reference`")
        return self


class ChoiceColumns(Columns):
    """Names of the columns in a file of multiple-choice questions."""

    options: str | Annotated[list[str], Field(min_length=2)] = Field(
        description="column of the lists of options, or a column for each option"
    )
    answer: str | None = Field(
        None, description="column of the right option; none: the first of several columns of options has it"
    )


class ChoiceTableSettings(TableSourceSettings):
    """How the rows of a file become multiple-choice questions."""

    columns: ChoiceColumns = Field(description="names of the columns in the file")
    kind: Literal["reasoning"] = Field("reasoning", description="kind of all prompts")
    answer_is: Literal["letter", "index", "text"] = Field(
        "letter", description="what the column of the right option holds: its letter, its index from 0, or its text"
    )
    shuffle: bool = Field(False, description="order the options of each row at random, by `seed` and the row's id")

    @model_validator(mode="after")
    def _hides_the_answer(self) -> Self:
        if self.columns.answer is None and (isinstance(self.columns.options, str) or not self.shuffle):
            raise ValueError(
                "give `columns.answer`; or name a column for each option, the right one first, and `shuffle`"
            )
        return self


class ConversationTableSettings(TableSourceSettings):
    """How the rows of a file become conversations."""

    columns: ConversationColumns = Field(description="names of the columns in the file")
    traces: Literal["optional", "required"] = Field(
        "optional", description="whether every response must have a trace, as <think> … </think> before the answer"
    )
    traces_opened: bool = Field(
        False,
        description="whether the responses lack <think>, since a chat template had written it; it is put before them",
    )


class LabelledColumns(Columns):
    """Names of the columns in a file of labelled completions."""

    completion: str = Field(description="column of the completions, trace included")
    label: str | None = Field(
        None, description="column of the label that counts; none: the label that most annotators gave"
    )
    annotations: list[str] = Field(default_factory=list, description="columns of the annotators' labels, one for each")
    reference: str | None = Field(None, description="column of the checkable answers, for judges of correctness")
    behavior: str | None = Field(
        None, description="column of what judges are asked about, where the prompts are an attack's wording of it"
    )

    @model_validator(mode="after")
    def _has_labels(self) -> Self:
        if self.label is None and not self.annotations:
            raise ValueError("name the column of the labels (`label`), or those of the annotators (`annotations`)")
        if len(set(self.annotations)) < len(self.annotations):
            raise ValueError("name each column of `annotations` once")
        return self


class LabelledTableSettings(TableSourceSettings):
    """How the rows of a file become labelled completions."""

    columns: LabelledColumns = Field(description="names of the columns in the file")


class ReadSettings(Strict):
    """A source that reads a file."""

    source: ModulePath = Field(description="module of the source")
    settings: ModuleSettings = Field(description="its settings, without the path")


class RowsSettings(Strict):
    """The data sets of a study that are read from files."""

    datasets: dict[Name, ReadSettings] = Field(description="each data set by name")


class AuditSettings(Strict):
    """Which training and tuning sets are compared with which evaluation sets."""

    train: list[Name] = Field(min_length=1, description="training sets (conversations or prompts), keys of `datasets`")
    evaluation: list[Name] = Field(
        min_length=1, description="evaluation sets (prompts): names of `benchmarks`, or keys of `datasets`"
    )
    tune: list[Name] = Field(
        default_factory=list,
        description="prompts by which settings were chosen, keys of `datasets`; the audit fails if one of them is a"
        " prompt of an evaluation set, and its table shows near ones",
    )
    near_threshold: float = Field(
        0.7, gt=0.0, le=1.0, description="token Jaccard similarity from which two prompts are near duplicates"
    )
