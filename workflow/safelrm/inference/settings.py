"""Settings of what is asked: a guard, or the model of an endpoint."""

import re
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, NonNegativeInt, model_validator

from safelrm.core.settings import Count, Name, NonNegative, Positive, Share, Strict
from safelrm.inference.presets import completed

# keys of a request that is asked once, answered at once, and of which one knows what it may cost
OWN_KEYS = {"model", "messages", "max_tokens", "max_completion_tokens", "n", "stream"}

Text = Annotated[str, Field(min_length=1)]


class LabelSettings(Strict):
    """One answer that a guard may give."""

    spellings: list[Text] = Field(
        min_length=1, description="the tokens that mean it, such as `Yes` and ` Yes`; their probabilities are summed"
    )
    score: Share | None = Field(None, description="what it counts in the field's score; none: the field has no score")


class GuardField(Strict):
    """One question that a guard answers. Without other keys it is the field `safety`: safe or unsafe, by P(unsafe)."""

    labels: dict[Name, LabelSettings] = Field(
        min_length=2,
        description="the answers; with scores, the field's score is their mean by probability; without, the labels are"
        " the verdicts",
    )
    after: Text | None = Field(
        None,
        description="regular expression of what the guard writes just before its answer; none: the answer comes first",
    )
    pattern: Text | None = Field(
        None,
        description="regular expression that finds the answer in the guard's text, in its group: for a guard whose"
        " answer is read as text, without probabilities",
    )
    first_token: bool = Field(False, description="read a label of several tokens by its first one")
    verdicts: list[Name] = Field(
        ["safe", "unsafe"], min_length=2, description="possible verdicts: two, or those of labels without scores"
    )
    counts: Name = Field("safe", description="the verdict that a rate counts")
    direction: Literal["higher", "lower"] = Field("higher", description="whether a higher or a lower rate is better")
    score: Name | None = Field("unsafe", description="the verdict that a score of 1 stands for; none: no scores")

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if self.after and self.pattern:
            raise ValueError("give either `after` or `pattern`")
        for key in ("after", "pattern"):
            require_pattern(key, getattr(self, key), groups=key == "pattern")
        owners: dict[str, str] = {}
        for name, label in self.labels.items():
            for spelling in label.spellings:
                same = spelling.strip().lower() if self.pattern else spelling
                if owners.setdefault(same, name) != name:
                    raise ValueError(f"both labels `{owners[same]}` and `{name}` are spelled {spelling!r}")
        scored = [label.score is not None for label in self.labels.values()]
        if any(scored) != (self.score is not None) or not all(scored) == any(scored):
            raise ValueError("give every label a `score`, and the field the verdict of a high `score`; or neither")
        if self.score is not None and (len(set(self.verdicts)) != 2 or self.score not in self.verdicts):
            raise ValueError("a field with scores has two `verdicts`; `score` names the one of a high score")
        if self.score is None and set(self.labels) != set(self.verdicts):
            raise ValueError("the labels of a field without scores are its `verdicts`")
        return self


class TurnSettings(Strict):
    """One turn of the conversation that a guard is shown."""

    role: Literal["system", "user", "assistant"] = Field(description="who speaks")
    content: Text = Field(
        description="the text; `{prompt}`, `{text}`, `{system}` and `{last_turn}` are filled in, braces else are kept"
    )


class GuardSettings(Strict):
    """How a guard is asked and read: the name of a preset, or a mapping (docs/guards.md).

    The guard's chat template, or a file with the text of its prompt, shows the user's prompt and the assistant's text.
    Fields are read from the guard's answer. `safety` is one of them: its score is P(unsafe).
    """

    # a preset gives what a configuration leaves out
    model_config = ConfigDict(json_schema_extra=lambda schema: schema.pop("required"))

    preset: Name | None = Field(
        None,
        exclude=True,
        description="a preset, whose keys hold unless they are given here; docs/guards.md lists them",
    )
    unsafe_label: Text | None = Field(
        None, exclude=True, description="short form of `fields`: the first token of an answer that means unsafe"
    )
    safe_label: Text | None = Field(None, exclude=True, description="the same for safe")
    fields: dict[Name, GuardField] = Field(
        min_length=1, description="what is read from the answer; `safety` is one of them"
    )
    answer_prefix: str = Field(
        "", description="text put before the guard's answer, for a guard whose answer does not begin with the label"
    )
    max_tokens: Count = Field(1, description="token limit of the guard's answer")
    min_label_mass: Share = Field(
        0.5, description="least total probability of a field's labels; below it the answer is unreadable: unscored"
    )
    max_length: Count = Field(description="longest prompt of the guard, in tokens")
    batch_size: Count = Field(64, description="texts per forward pass when the guard gives the reward")
    asks_about: Literal["behavior", "wording"] = Field(
        "behavior", description="what `{prompt}` is of an attacked prompt: what the attack is after, or its wording"
    )
    turns: list[TurnSettings] = Field(
        [{"role": "user", "content": "{prompt}"}, {"role": "assistant", "content": "{text}"}],
        min_length=1,
        validate_default=True,
        description="the conversation that the guard's chat template shows",
    )
    contents: Literal["text", "parts"] = Field(
        "text", description="whether the template takes contents as texts, or as lists of typed parts"
    )
    add_generation_prompt: bool = Field(True, description="whether the template is told to begin the guard's turn")
    template_kwargs: dict[str, str | int | float | bool | dict[str, str]] = Field(
        default_factory=dict,
        description="extra arguments of the guard's chat template, such as Granite Guardian's `guardian_config`",
    )
    template: Text | None = Field(
        None, description="the whole prompt as text with `placeholders`, for a guard without chat template"
    )
    template_file: Text | None = Field(None, exclude=True, description="a file with the text of `template`")
    placeholders: dict[Literal["prompt", "text"], Text] = Field(
        {"prompt": "{prompt}", "text": "{text}"}, description="what stands in `template` for the prompt and the text"
    )
    system: Text | None = Field(None, description="text of the placeholder `{system}` in `turns`, such as a policy")
    system_file: Text | None = Field(None, exclude=True, description="a file with the text of `system`")
    last_turn: Text | None = Field(None, description="text of the placeholder `{last_turn}` in `turns`")
    last_turn_file: Text | None = Field(None, exclude=True, description="a file with the text of `last_turn`")
    control_tokens: Literal["spelled", "kept"] = Field(
        "spelled",
        description="what control tokens of the guard are in a text that it reads: spelled out in plain tokens, so that"
        " no text can end its turn (where that cannot be, the text is not read), or kept as they are",
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: object) -> object:
        return completed(given)

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        safety = self.fields.get("safety")
        if safety is None:
            raise ValueError("`fields` lacks `safety`, which every guard answers")
        declared = (sorted(safety.verdicts), safety.counts, safety.direction, safety.score)
        if declared != (["safe", "unsafe"], "safe", "higher", "unsafe"):
            raise ValueError("leave out `verdicts`, `counts`, `direction` and `score` of the field `safety`")
        if self.max_tokens == 1 and (late := [name for name, field in self.fields.items() if field.after]):
            raise ValueError(f"`max_tokens` is 1: the guard cannot write what stands before the answer of {late}")
        shown = self.template or "".join(turn.content for turn in self.turns)
        text = self.placeholders["text"] if self.template else "{text}"
        if text not in shown:
            raise ValueError(
                f"the guard would not see the text: `{'template' if self.template else 'turns'}` lacks {text}"
            )
        if self.template:
            if self.placeholders["prompt"] not in shown:
                raise ValueError(f"`template` lacks {self.placeholders['prompt']}, the place of the prompt")
            return self
        for name in ("system", "last_turn"):
            if (f"{{{name}}}" in shown) != (getattr(self, name) is not None):
                missing = f"give `{name}_file` (or `{name}`): `turns` show {{{name}}}"
                raise ValueError(missing if getattr(self, name) is None else f"no turn of `turns` shows {{{name}}}")
        return self


def require_pattern(key: str, pattern: str | None, *, groups: bool) -> None:
    """Refuse what is no regular expression.

    Raises:
        ValueError: it is none, or has no group where it needs one.
    """
    if pattern is None:
        return
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"`{key}` is no regular expression ({error})") from None
    if groups and not compiled.groups:
        raise ValueError(f"`{key}` has no group (in parentheses), which is the answer")


class SpendingSettings(Strict):
    """Prices of an endpoint, and the most that may be spent. All three are in one currency."""

    question_price: NonNegative = Field(description="price of a million tokens of questions")
    reply_price: NonNegative = Field(description="price of a million tokens of replies")
    limit: Positive = Field(
        description="most that all jobs which share the cache may ever spend on this model of this endpoint"
    )


class EndpointSettings(Strict):
    """A server that answers chat completions as OpenAI's does: a provider's, or one of your own such as `vllm serve`.

    The key stands in a variable of the environment, never in the configuration.
    """

    url: str = Field(
        pattern=r"^https?://[^\s@?#]+$",
        description="base URL, such as https://api.example.org/v1; without a name, a password or a query in it",
    )
    model: str = Field(min_length=1, description="name of the model there")
    key_variable: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")] | None = Field(
        None, description="variable of the environment that holds the key; none: the server asks for none"
    )
    concurrency: Count = Field(8, description="most questions that wait for an answer at a time")
    timeout: Positive = Field(120.0, description="seconds after which a question is asked again")
    retries: NonNegativeInt = Field(
        6, description="how often a question is asked again after a timeout or the statuses 408, 409, 429 and 5xx"
    )
    requests_per_minute: Count | None = Field(
        None, description="most requests that a job sends in a minute, repeated ones included; none: no limit"
    )
    tokens_per_minute: Count | None = Field(
        None,
        description="most tokens that a job asks for in a minute: those of its questions, at four bytes each, and"
        " `max_tokens` for each reply; none: no limit",
    )
    spending: SpendingSettings | None = Field(
        None, description="prices, and a limit before which jobs stop; none: what is spent is counted in tokens alone"
    )
    token_limit: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="what the server calls the limit of a reply's tokens"
    )
    body: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="more keys of the request, such as `reasoning_effort: low`"
    )

    @model_validator(mode="after")
    def _adds_to_the_request(self) -> Self:
        if taken := sorted(OWN_KEYS & {*self.body}):
            raise ValueError(f"`body` holds {taken}, which follow from other settings: leave them out")
        return self
