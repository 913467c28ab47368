"""What engines answer, as the store keeps it: completions, and readings of a guard."""

from dataclasses import dataclass

import pyarrow as pa

from safelrm.core.tables import Table, columns

STOP, LENGTH = "stop", "length"

COMPLETIONS = Table(
    "completions",
    columns(
        # of the question
        key=pa.string(),
        # without the end-of-turn token
        token_ids=pa.list_(pa.int32()),
        finish_reason=pa.string(),
    ),
    key=("key",),
    choices=(("finish_reason", (STOP, LENGTH)),),
)

# what a guard is asked about: a user's prompt and an assistant's text
Pair = tuple[str, str]

# a guard's answer
READINGS = Table(
    "guard_answers",
    columns(
        # of the question
        key=pa.string(),
        token_ids=pa.list_(pa.int32()),
        # natural log-probabilities of the tokens that were asked for, at each position of the answer in turn
        logprobs=pa.list_(pa.float64()),
    ),
    key=("key",),
)

# what a chat model says when it judges
REPLIES = Table(
    "replies",
    columns(
        # of the question
        key=pa.string(),
        # missing if the endpoint takes the question not at all, for example because it is too long
        text=(pa.string(), None),
        # why the reply ends; missing if the endpoint does not say
        finish_reason=(pa.string(), None),
    ),
    key=("key",),
    # replies that were kept before it was read
    optional=("finish_reason",),
)
# ends of a reply that stand for no end of its own: the token limit, or a filter of the endpoint
UNFINISHED_REPLIES = (LENGTH, "content_filter")


@dataclass(frozen=True)
class Reply:
    """What a chat model says.

    Attributes:
        text: its words, with the trace if it shows one.
        finished: whether it came to its own end, as far as one knows.
    """

    text: str
    finished: bool = True


def reply_of(text: object, finish_reason: object) -> Reply | None:
    """The reply in a row of REPLIES; None if there is none."""
    return Reply(text, finish_reason not in UNFINISHED_REPLIES) if isinstance(text, str) else None
