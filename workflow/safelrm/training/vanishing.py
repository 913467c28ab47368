"""No term of a reward may vanish unseen: a term that scores nothing leaves a policy that is trained without it.

The curve of a run has the share of completions that each term has scored (`scored_<term>`). A term is *due* for a
completion of a kind that it applies to, if the completion has ended with an answer (training/rewards/base.py).

- Before the first step: a term to none of whose kinds the recipe has prompts is an error.
- A term that has never scored is an error in the first step in which it is due, which mostly is step 1. If a guard of
  the term could be read on no text, the error says what a judge that asks the guard would say. A guard is tried in step
  1 even if no completion has ended.
- A term that has scored is an error when it has been due in PATIENCE steps since its last score.
- Where no completion ends with an answer no term is due, and a policy may recover. So there is a warning after every
  PATIENCE steps without a score. If the term has never scored, it is an error after PATIENCE steps. Steps without
  prompts of the term's kinds do not count.

The metrics of a step are those of all processes, so that all of them stop together. What was before is read from the
trainer's log, which a resumed run has whole.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence

import pandas as pd
from transformers import TrainerState, TrainingArguments

from safelrm.core.errors import SafeLRMError
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.rewards.base import kinds_of
from safelrm.training.rewards.guard import RewardGuard
from safelrm.training.rewards.shares import due_metric, scored_metric, unread_metric
from safelrm.training.watching import LogWatch

# steps without a score; by chance alone a few steps may have no text that a guard can read
PATIENCE = 10


def check_kinds(terms: Iterable[RewardTerm], prompts: Mapping[str, pd.DataFrame]) -> None:
    """Make sure that each term applies to some of the prompts.

    Args:
        terms: the terms of the reward.
        prompts: rows of PROMPTS by data set.

    Raises:
        SafeLRMError: a term applies to none.
    """
    given = {kind for table in prompts.values() for kind in table["kind"].unique()}
    for term in terms:
        wanted = kinds_of(term)
        if not given & {*wanted}:
            raise SafeLRMError(
                f"the reward term `{term.name}` scores {' and '.join(wanted)} prompts, and {sorted(prompts)} have none",
                key="prompts",
                fix="add prompts of such a kind to the recipe, or leave the term out of `rewards`",
            )


class TermWatch(LogWatch):
    """Ends a run in which a term of the reward should score and does not.

    Args:
        terms: the terms of the reward.
        guards: the guards that they read, by name.

    Raises:
        SafeLRMError: a term does not score. The message names the term and its guards.
    """

    def __init__(self, terms: Sequence[RewardTerm], guards: Mapping[str, RewardGuard]) -> None:
        self._terms, self._guards = terms, guards

    def look(self, logs: MutableMapping[str, float], state: TrainerState, args: TrainingArguments) -> None:
        """Look at the metrics of a step."""
        for term in self._terms:
            # a resumed run tries its guards again, perhaps on completions that have not ended
            if logs.get(unread_metric(term.name)) == 1 and not silence(term.name, state.log_history)[2]:
                raise self._unread(term, state.global_step, due=0)
            # without these, the step has no rollouts of its own, or no prompts that the term applies to
            if logs.get(scored_metric(term.name)) == 0 and due_metric(term.name) in logs:
                self._look_back(term, state, now_due=logs[due_metric(term.name)] > 0)

    def _look_back(self, term: RewardTerm, state: TrainerState, *, now_due: bool) -> None:
        silent, due, scored_before = silence(term.name, state.log_history)
        if now_due and (due >= PATIENCE or not scored_before):
            raise self._unread(term, state.global_step, due)
        problem = f"the reward term `{term.name}` has scored nothing in the last {silent} steps that it applies to"
        why = f"it was due in {due}" if due else "no completion ended with an answer"
        if silent % PATIENCE == 0 and not scored_before:
            raise SafeLRMError(
                f"{problem}: {why}",
                key="max_completion_tokens",
                fix="raise it, or start from a model that ends its completions with an answer; if its traces have other"
                " marks, set its `trace_format` (docs/traces.md)",
            )
        if silent % PATIENCE == 0 or state.global_step >= state.max_steps:
            print(f"warning: {problem}: {why}", flush=True)

    def _unread(self, term: RewardTerm, step: int, due: int) -> SafeLRMError:
        where = f"step {step}, the reward term `{term.name}`"
        for name in term.guards:
            error = self._guards[name].unreadable()
            if error:
                problem = f"{where} has no score from the guard `{name}`: {error.problem}"
                return SafeLRMError(problem, file=error.file, key=error.key, fix=error.fix)
        read = f", which reads {' and '.join(f'`{name}`' for name in term.guards)}," if term.guards else ""
        return SafeLRMError(
            f"{where}{read} has scored none of the completions that ended with an answer, in {due} step(s)",
            file=term.module,
            key="rewards",
            fix="mend the term or its settings; a term that applies to some kinds of prompts names them in `KINDS`",
        )


def silence(name: str, history: Sequence[Mapping[str, float]]) -> tuple[int, int, bool]:
    """How long a term has scored nothing.

    Args:
        name: the name of the term.
        history: the trainer's log, a mapping of metrics for each step.

    Returns:
        The number of steps since the term's last score that had prompts of its kinds, the number of those in which it
        was due, and whether there is such a score.
    """
    steps = due = 0
    for entry in reversed(history):
        if entry.get(scored_metric(name), 0.0) > 0:
            return steps, due, True
        if due_metric(name) in entry:
            steps += 1
            due += entry[due_metric(name)] > 0
    return steps, due, False
