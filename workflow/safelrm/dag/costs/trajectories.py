"""What a job of `trajectory` needs: a guard's readings of the beginnings of traces."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from safelrm.dag.costs.processors import GIB, Job, Processor, fewest_gpus
from safelrm.dag.costs.sizes import SizedModel, Texts, expected_texts, mixed, table_bytes
from safelrm.dag.settings import Study

# a guess: tokens of a sentence of a trace
SENTENCE_TOKENS = 12.0


def trajectory_job(study: Study, sized: Callable[[str, str], SizedModel], model: str, on: Processor, cores: int) -> Job:
    """What it takes the guard to read the traces of a model; next to nothing in a study that reads none.

    Args:
        study: the study.
        sized: gives the size of a model of a section by its name.
        model: the model whose traces are read.
        on: what the job runs on.
        cores: cores of a job on a CPU.

    Raises:
        SafeLRMError: the guard does not fit into the GPUs that the study describes.
    """
    if (asked := study.trajectories) is None:
        return Job(1.0, GIB)
    guard, reading = sized("guards", asked.guard), study.guards[asked.guard].reading
    longest = reading.max_length + reading.max_tokens - 1
    need = partial(on.engine_bytes, guard, longest, asked.dtype)
    fit = fewest_gpus(need, study.execution, guard, f"guards.{guard.name}", study.execution.gpus_per_node)
    texts = _beginnings(study, model)
    # the engine reads what questions have in common once, if the guard's architecture allows it: this is the most
    tokens = texts.rows * min(texts.prompt + texts.response, longest)
    seconds = on.forward_seconds(guard, tokens, asked.dtype, fit.gpus)
    if reading.max_tokens > 1:
        writing = Texts(max(texts.rows, 1.0), min(texts.prompt + texts.response, longest), reading.max_tokens / 2)
        seconds = on.generating_seconds(guard, writing, asked.dtype, fit.gpus)
    host = table_bytes(texts) + (cores - 1) * fit.used
    return fit.job(on.engine_start + seconds / cores, host=host)


def _beginnings(study: Study, model: str) -> Texts:
    """The beginnings of all traces of a model that are read. On average a beginning is half of its trace."""
    asked, settings, sets = study.trajectories, study.rollouts, []
    for benchmark in study.benchmarks:
        if benchmark.name in asked.benchmarks:
            limit = benchmark.max_tokens or settings.max_tokens
            one = expected_texts(study.datasets[benchmark.dataset], limit)
            sentences = max(1.0, min(one.response / SENTENCE_TOKENS, asked.most_sentences or one.response))
            traces = min(one.rows, asked.prompts) * (benchmark.samples or settings.samples)
            sets.append(replace(one, rows=traces * sentences, response=one.response / 2))
    runs = sum(len(arm.seeds) for arm in study.arms if arm.model == model)
    read = mixed([(one, one.rows) for one in sets])
    return replace(read, rows=read.rows * runs * len(study.models[model].decodings))
