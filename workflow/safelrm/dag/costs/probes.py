"""What the probes of a training add to what it needs."""

import math
from collections.abc import Callable

from safelrm.dag.costs.processors import LAYER_SECONDS, Processor
from safelrm.dag.costs.sizes import BYTES, SizedModel, expected_texts
from safelrm.dag.settings import Study
from safelrm.training.settings import RlSettings, TrainingSettings


def probe_guard_bytes(settings: TrainingSettings, sized: Callable[[str], SizedModel]) -> float:
    """Bytes of the guards that only probes read.

    Args:
        settings: the recipe.
        sized: the size of a guard, by its name.
    """
    if settings.probe is None:
        return 0.0
    rewarding = settings.guards if isinstance(settings, RlSettings) else []
    own = [sized(name) for name in settings.probe.guards if name not in rewarding]
    return sum(guard.shape.parameters for guard in own) * BYTES[settings.probe.guard_dtype]


def probe_seconds(study: Study, settings: TrainingSettings, policy: SizedModel, on: Processor) -> float:
    """Seconds of all probes: answers by transformers, where each batch waits for one that is as long as it may be."""
    probe = settings.probe
    if probe is None:
        return 0.0
    limit = probe.max_completion_tokens
    texts = [expected_texts(study.datasets[asked.dataset], limit) for asked in probe.prompts]
    rows = sum(asked.size or text.rows for asked, text in zip(probe.prompts, texts, strict=True))
    length = max(text.prompt for text in texts) + limit
    step = on.step_seconds(policy, min(rows, probe.batch_size), length, settings.precision, 1)
    batches = math.ceil(rows / probe.batch_size)
    return (probe.times + 1) * batches * limit * max(step, policy.shape.layers * LAYER_SECONDS)
