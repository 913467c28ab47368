"""Settings of a guard: how a generative safety classifier is asked and read."""

from pydantic import Field

from safelrm.core.settings import Count, Share, Strict


class GuardSettings(Strict):
    """How a guard is asked and read.

    The user's prompt and the assistant's text go through the guard's own chat template, and the
    probability of "unsafe" is the softmax over the two label tokens at the first generated
    position (Llama Guard: unsafe / safe; Granite Guardian: Yes / No).
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
