"""Rollouts, with the columns of their prompts; and samples, which are rollouts without their texts."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.core.rules import Rule, at_least
from safelrm.core.tables import Table, columns
from safelrm.core.trace import OTHER_FORMAT, PARSE_STATES
from safelrm.data.schemas import KINDS
from safelrm.inference.schemas import LENGTH, STOP

# the columns that say which rollout a row is about
ROLLOUT_COLUMNS = {
    "model": pa.string(),
    "arm": pa.string(),
    "seed": pa.int64(),
    "decoding": pa.string(),
    "benchmark": pa.string(),
    "prompt_id": pa.string(),
    "sample": pa.int64(),
}
ROLLOUT_KEY = tuple(ROLLOUT_COLUMNS)

_CHOICES = (("kind", KINDS), ("parse_state", PARSE_STATES), ("finish_reason", (STOP, LENGTH)))
_STATE, _ANSWERED = pc.field("parse_state"), pc.field("answer").is_valid()
_RULES = (
    *at_least(0, "seed", "sample", "prompt_tokens", "trace_tokens", "completion_tokens"),
    Rule(
        "a completion is truncated exactly if it ended at the token limit",
        ("parse_state", "finish_reason"),
        (_STATE == "truncated") == (pc.field("finish_reason") == LENGTH),
    ),
)
_RULES_OF_TEXTS = (
    Rule(
        "ok and no_think have an answer, no_close, empty and other_format have none",
        ("parse_state", "answer"),
        (_STATE == "truncated") | (_STATE.isin(["ok", "no_think"]) == _ANSWERED),
    ),
    Rule(
        "no_think and other_format have no trace",
        ("parse_state", "trace"),
        ~_STATE.isin(["no_think", OTHER_FORMAT]) | pc.field("trace").is_null(),
    ),
)

ROLLOUTS = Table(
    "rollouts",
    columns(
        **ROLLOUT_COLUMNS,
        kind=pa.string(),
        category=pa.string(),
        prompt=pa.string(),
        reference=(pa.string(), None),
        # what a judge asks about, where the prompt is an attack's wording of it; the attack; the system prompt; and
        # what a harmful prompt and its benign twin share
        behavior=(pa.string(), None),
        attack=(pa.string(), None),
        system=(pa.string(), None),
        pair=(pa.string(), None),
        # the completion as generated, special tokens of the trace included; it begins with the text that an
        # intervention has begun the turn with
        completion=pa.string(),
        trace=(pa.string(), None),
        answer=(pa.string(), None),
        parse_state=pa.string(),
        finish_reason=pa.string(),
        prompt_tokens=pa.int64(),
        trace_tokens=pa.int64(),
        completion_tokens=pa.int64(),
        request_seed=pa.int64(),
    ),
    key=ROLLOUT_KEY,
    choices=_CHOICES,
    rules=(*_RULES, *_RULES_OF_TEXTS),
    place="{model}/{arm}/seed{seed}.parquet",
    optional=("behavior", "attack", "system", "pair"),
)

NOT_PUBLISHED = ("prompt", "reference", "behavior", "system", "completion", "trace", "answer", "request_seed")

SAMPLES = Table(
    "samples",
    pa.schema(field for field in ROLLOUTS.schema if field.name not in NOT_PUBLISHED),
    key=ROLLOUT_KEY,
    choices=_CHOICES,
    rules=_RULES,
    optional=("attack", "pair"),
)

# how responses of teachers end beside STOP and LENGTH: a filter of the service has cut one, or it takes the prompt not
# at all
FILTERED, REFUSED = "filtered", "refused"

DISTILLED = Table(
    "distilled responses",
    columns(
        # the name in the configuration
        distillation=pa.string(),
        dataset=pa.string(),
        prompt_id=pa.string(),
        sample=pa.int64(),
        kind=pa.string(),
        category=pa.string(),
        # as the student is asked it: without the instruction that the teacher was shown
        prompt=pa.string(),
        # the checkable answer of a reasoning problem
        reference=(pa.string(), None),
        # what a judge asks about, where the prompt is an attack's wording of it
        behavior=(pa.string(), None),
        # the whole turn, "<think> … </think> answer", whatever the marks of the teacher's traces
        response=pa.string(),
        trace=(pa.string(), None),
        answer=(pa.string(), None),
        parse_state=pa.string(),
        finish_reason=pa.string(),
        # counted by the teacher's tokenizer; missing if it is not known (endpoints, modules that write). The prompt is
        # counted with the instruction, and the completion without its end token
        prompt_tokens=(pa.int64(), None),
        trace_tokens=(pa.int64(), None),
        answer_tokens=(pa.int64(), None),
        completion_tokens=(pa.int64(), None),
        request_seed=pa.int64(),
    ),
    # no two data sets of a distillation share a prompt
    key=("prompt_id", "sample"),
    choices=(("kind", KINDS), ("parse_state", PARSE_STATES), ("finish_reason", (STOP, LENGTH, FILTERED, REFUSED))),
    rules=(
        *at_least(0, "sample", "prompt_tokens", "trace_tokens", "answer_tokens", "completion_tokens"),
        Rule(
            "a response is truncated exactly if the token limit or a filter has cut it",
            ("parse_state", "finish_reason"),
            (_STATE == "truncated") == pc.field("finish_reason").isin([LENGTH, FILTERED]),
        ),
        *_RULES_OF_TEXTS,
    ),
    place="{distillation}.parquet",
    optional=("behavior",),
)
