"""What it takes to distil and to judge distillations, and what is trained on selections of them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from safelrm.dag.costs.candidates import STORED_TOKEN
from safelrm.dag.costs.endpoints import endpoint_use
from safelrm.dag.costs.processors import GIB, SMALL_DISK, Job, Processor, fewest_gpus
from safelrm.dag.costs.sizes import SizedModel, Texts, expected_texts, mixed, table_bytes
from safelrm.dag.settings import Study

# a guess: the most tokens of a response that a module writes
WRITTEN_TOKENS = 1024.0


def distilled_texts(study: Study, name: str) -> Texts:
    """The responses of a distillation, with their prompts."""
    entry = study.distillations[name]
    limit = entry.sampling.max_tokens if entry.sampling else WRITTEN_TOKENS
    sets = [expected_texts(study.datasets[dataset], limit) for dataset in entry.prompts]
    asked = mixed([(one, one.rows) for one in sets])
    return replace(asked, rows=asked.rows * entry.samples)


def sft_texts(study: Study, name: str, limit: float) -> Texts:
    """What SFT is trained on: a data set, or a selection of which no sample is rejected."""
    if name not in study.selections:
        return expected_texts(study.datasets[name], limit)
    selection = study.selections[name]
    texts, samples = distilled_texts(study, selection.distillation), study.distillations[selection.distillation].samples
    return replace(texts, rows=selection.size or texts.rows * min(selection.per_prompt, samples) / samples)


def distill_job(study: Study, name: str, policy: SizedModel | None, *, on: Processor, cores: int) -> Job:
    """Responses by an engine, by an endpoint, or by a module.

    Args:
        study: the study.
        name: the distillation.
        policy: the size of a teacher that is a checkpoint.
        on: what the job runs on.
        cores: its cores, on a CPU.

    Raises:
        SafeLRMError: the teacher does not fit into the GPUs of a node.
    """
    entry, asked = study.distillations[name], distilled_texts(study, name)
    stored = asked.tokens * STORED_TOKEN
    teacher = entry.teacher.checkpoint
    if policy is not None and teacher is not None:
        need = partial(on.engine_bytes, policy, teacher.max_model_length, teacher.dtype)
        key = f"distillations.{name}.teacher.checkpoint.max_model_length"
        fit = fewest_gpus(need, study.execution, policy, key, study.execution.gpus_per_node)
        seconds = on.engine_start + on.generating_seconds(policy, asked, teacher.dtype, fit.gpus) / cores
        host = table_bytes(asked) + (cores - 1) * fit.used
        return fit.job(seconds, host=host, disk=stored + SMALL_DISK)
    if entry.teacher.endpoint and entry.sampling:
        instruction = entry.instruction.text if entry.instruction else ""
        given: Mapping[str, object] = {
            "endpoint": entry.teacher.endpoint.model_dump(exclude={"also_named", "send_seed"}),
            "question": instruction,
            "max_tokens": entry.sampling.max_tokens,
        }
        # a question holds no response
        use = endpoint_use(given, replace(asked, response=0.0), 1)
        return Job(use.seconds, GIB + table_bytes(asked), stored + SMALL_DISK, asks=use)
    return Job(1.0, GIB + table_bytes(asked), stored + SMALL_DISK)
