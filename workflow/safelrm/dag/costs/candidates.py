"""What it takes to sample and score candidates, and what is trained on them."""

from collections.abc import Sequence
from dataclasses import replace

from safelrm.dag.costs.processors import SMALL_DISK, Batches, Job, Processor, fewest_gpus
from safelrm.dag.costs.sizes import BYTES, SizedModel, Texts, expected_texts, mixed, table_bytes
from safelrm.dag.settings import Study
from safelrm.training.candidate_settings import DpoSettings

# bytes of a token on disk
STORED_TOKEN = 10.0


def best_texts(study: Study, candidates: str) -> Texts:
    """The prompts of candidates, with one completion each."""
    settings = study.candidates[candidates]
    sets = [expected_texts(study.datasets[name], settings.max_tokens) for name in settings.prompts]
    return mixed([(one, one.rows) for one in sets])


def candidates_job(
    study: Study, name: str, policy: SizedModel, guards: Sequence[SizedModel], *, on: Processor, cores: int
) -> Job:
    """Completions by an engine, then readings of the guards, which one GPU holds whole when the engine has ended.

    Raises:
        SafeLRMError: the model does not fit into the GPUs of a node, or the guards not into one.
    """
    settings, execution, prompts = study.candidates[name], study.execution, best_texts(study, name)
    asked = replace(prompts, rows=prompts.rows * settings.samples)
    held = sum(guard.shape.parameters for guard in guards) * BYTES[settings.guard_dtype] + on.overhead

    def need(gpus: int) -> float:
        return max(on.engine_bytes(policy, settings.max_model_length, settings.dtype, gpus), held)

    fit = fewest_gpus(need, execution, policy, f"candidates.{name}.max_model_length", execution.gpus_per_node)
    seconds = on.engine_start + on.generating_seconds(policy, asked, settings.dtype, fit.gpus) / cores
    seconds += sum(on.forward_seconds(guard, asked.tokens, settings.guard_dtype, 1) for guard in guards)
    host = table_bytes(asked) + (cores - 1) * fit.used
    return fit.job(seconds, host=host, disk=asked.tokens * STORED_TOKEN + SMALL_DISK)


def pair_batches(study: Study, settings: DpoSettings) -> Batches:
    """What DPO passes if every prompt gives a pair. A pair is two sequences, which stay on one GPU."""
    texts = best_texts(study, settings.candidates)
    return Batches(
        rows=texts.rows * settings.epochs,
        tokens=2 * texts.tokens * settings.epochs,
        longest=2 * settings.max_length,
        passes=settings.gradient_accumulation,
        size=settings.batch_size,
    )
