"""Settings of what is asked: a guard, or the model of an endpoint."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from safelrm.core.settings import Count, NonNegative, Positive, Share, Strict

# keys of a request that is asked once, answered at once, and of which one knows what it may cost
OWN_KEYS = {"model", "messages", "max_tokens", "max_completion_tokens", "n", "stream"}


class GuardSettings(Strict):
    """How a guard is asked and read.

    The guard's own chat template renders the user's prompt and the assistant's text. The probability of "unsafe" is the
    softmax over the two label tokens at the first generated position (Llama Guard: unsafe / safe; Granite Guardian:
    Yes / No).
    """

    unsafe_label: str = Field(description="the first token of the answer that means unsafe")
    safe_label: str = Field(description="the first token of the answer that means safe")
    answer_prefix: str = Field(
        "", description="text put before the guard's answer, for a guard whose answer does not begin with the label"
    )
    min_label_mass: Share = Field(
        0.5, description="least total probability of the two labels; below it the answer is unreadable: unscored"
    )
    max_length: Count = Field(description="longest prompt of the guard, in tokens")
    batch_size: Count = Field(64, description="texts per forward pass when the guard gives the reward")
    template_kwargs: dict[str, str | int | float | bool | dict[str, str]] = Field(
        default_factory=dict,
        description="extra arguments of the guard's chat template, such as Granite Guardian's `guardian_config`",
    )


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

    url: str = Field(pattern=r"^https?://[^\s@]+$", description="base URL, such as https://api.example.org/v1")
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
