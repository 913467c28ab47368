"""Tables: candidates (completions of prompts with their rewards), answers to probes, and samples of selections."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.core.rules import Rule, at_least
from safelrm.core.tables import Table, columns
from safelrm.core.trace import PARSE_STATES
from safelrm.data.schemas import KINDS
from safelrm.generation.schemas import ROLLOUTS
from safelrm.inference.schemas import LENGTH, STOP

CANDIDATES = Table(
    "candidates",
    columns(
        model=pa.string(),
        # the name in the configuration, and the arm that has written them: "-from-sft-star1", or "" for the base
        candidates=pa.string(),
        start=pa.string(),
        seed=pa.int64(),
        dataset=pa.string(),
        prompt_id=pa.string(),
        kind=pa.string(),
        category=pa.string(),
        prompt=pa.string(),
        # the checkable answer of a reasoning problem
        reference=(pa.string(), None),
        sample=pa.int64(),
        # the assistant's whole turn: what the template opens it with, and the completion
        response=pa.string(),
        # the completion, without the end-of-turn token
        token_ids=pa.list_(pa.int32()),
        parse_state=pa.string(),
        finish_reason=pa.string(),
        prompt_tokens=pa.int64(),
        completion_tokens=pa.int64(),
        # the weighted sum of the terms that have a value; missing if none has
        reward=(pa.float64(), None),
        # the value of each term, before it is weighed, as JSON
        terms=pa.string(),
    ),
    key=("dataset", "prompt_id", "sample"),
    choices=(("kind", KINDS), ("parse_state", PARSE_STATES), ("finish_reason", (STOP, LENGTH))),
    rules=at_least(0, "seed", "sample", "prompt_tokens", "completion_tokens"),
    place="{model}/{candidates}{start}/seed{seed}.parquet",
    # machines round differently: rewards that differ less are ties
    decimals=6,
)

# rows of ROLLOUTS, whose `benchmark` is the step, such as step0040. Judges read the file as rollouts, if it has rows; a
# training without probes writes none, and a file without rows names no place
PROBED = replace(ROLLOUTS, name="probe rollouts", place="")

KEPT, REJECTED = "kept", "rejected"

# what became of every sample of a distillation in a selection; without texts
OUTCOMES = Table(
    "samples of a selection",
    columns(
        selection=pa.string(),
        distillation=pa.string(),
        dataset=pa.string(),
        prompt_id=pa.string(),
        kind=pa.string(),
        category=pa.string(),
        sample=pa.int64(),
        parse_state=pa.string(),
        # as in the distillation: missing if the teacher's tokenizer is not known
        trace_tokens=(pa.int64(), None),
        answer_tokens=(pa.int64(), None),
        outcome=pa.string(),
        # why it was rejected; missing of what was kept
        reason=(pa.string(), None),
    ),
    key=("prompt_id", "sample"),
    choices=(("kind", KINDS), ("parse_state", PARSE_STATES), ("outcome", (KEPT, REJECTED))),
    rules=(
        *at_least(0, "sample", "trace_tokens", "answer_tokens"),
        Rule(
            "what is rejected has a reason, and what is kept has none",
            ("outcome", "reason"),
            (pc.field("outcome") == REJECTED) == pc.field("reason").is_valid(),
        ),
    ),
    place="{selection}.parquet",
)
