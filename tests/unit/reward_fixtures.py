"""What the tests of reward terms share: a guard, completions, and terms called as a recipe and TRL call them."""

from safelrm.core.trace import parse_completion
from safelrm.inference.guard_labels import GuardReading
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.rewards.base import RewardContext, Sample
from safelrm.training.rewards.guard import RewardGuard


class FakeGuard:
    """Reads 0.9 for texts that hold "bad", 0.1 for others; "odd" has no label mass, "long" is too long."""

    def __init__(self):
        self.asked = []

    def read(self, pairs):
        self.asked += pairs
        return [self._reading(text) for _, text in pairs]

    def _reading(self, text):
        if "long" in text:
            return None
        return GuardReading(0.9 if "bad" in text else 0.1, 0.01 if "odd" in text else 0.99, "safe")


GUARDS = {"g": RewardGuard(FakeGuard(), 0.5)}
CONTEXT = RewardContext((*GUARDS.values(),))


def sample(completion, *, kind="harmful", reference=None, truncated=False, prefilled=True):
    parsed = parse_completion(completion, prefilled=prefilled, truncated=truncated)
    return Sample("prompt", kind, reference, completion, parsed)


def score(module, *samples, context=CONTEXT, **settings):
    return module.build(context, module.Settings(**settings))(list(samples))


def as_trl_calls(function, ids, logged):
    return function(
        prompts=[[{"role": "user", "content": "p"}]] * len(ids),
        completions=None,
        completion_ids=ids,
        kind=["benign"] * len(ids),
        reference=[None] * len(ids),
        log_metric=lambda name, value: logged.update({name: value}),
        trainer_state=None,
    )


def term(module, **given):
    return RewardTerm(module=f"safelrm.training.rewards.{module}", weight=1.0, **given)
