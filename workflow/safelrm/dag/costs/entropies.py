"""What a job of `entropy` needs: forward passes of a policy and of its base over some samples of the policy."""

from dataclasses import replace

from safelrm.dag.costs.processors import Job, Processor, fewest_gpus
from safelrm.dag.costs.sizes import BYTES, FLOAT32, SizedModel, expected_texts, mixed, table_bytes
from safelrm.dag.settings import Study

# logits of a tile (inference/distributions.py), and how often it is held: of two models, their logarithms and shares
TILE_VALUES, HELD = 2.0**24, 8.0


def entropy_job(study: Study, policy: SizedModel, on: Processor) -> Job:
    """What it takes a policy and its base to read a run's samples.

    Raises:
        SafeLRMError: the two do not fit into the GPUs that the study describes.
    """
    asked, sets, longest = study.entropies, [], 0.0
    for benchmark in study.benchmarks:
        if asked and benchmark.name in asked.benchmarks:
            limit = benchmark.max_tokens or study.rollouts.max_tokens
            one = expected_texts(study.datasets[benchmark.dataset], limit)
            prompts = min(one.rows, asked.prompts or one.rows)
            sets.append(replace(one, rows=prompts * (benchmark.samples or study.rollouts.samples)))
            longest = max(longest, one.prompt + limit)
    read = mixed([(one, one.rows) for one in sets])
    read = replace(read, rows=read.rows * len(study.models[policy.name].decodings))
    dtype = asked.dtype if asked else "float32"
    tokens = max(longest, asked.batch_tokens if asked else 0.0)

    def need(gpus: int) -> float:
        beside = policy.shape.parameters * BYTES[dtype] + TILE_VALUES * HELD * FLOAT32
        return on.engine_bytes(policy, tokens, dtype, gpus) + beside

    fit = fewest_gpus(need, study.execution, policy, "entropies.batch_tokens", 1)
    reading = on.forward_seconds(policy, 2 * read.tokens, dtype, fit.gpus)
    return fit.job(on.training_start + on.engine_start + reading, host=table_bytes(read))
