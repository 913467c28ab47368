"""What a job of `min_k` needs: a forward pass of a base over the data sets that it reads."""

from dataclasses import replace
from functools import partial

from safelrm.analysis.memorisation_settings import MinKSettings
from safelrm.dag.costs.distilling import sft_texts
from safelrm.dag.costs.processors import Job, Processor, fewest_gpus
from safelrm.dag.costs.sizes import GUESSED_PROMPT_TOKENS, SizedModel, Texts, mixed, table_bytes
from safelrm.dag.settings import Study

# a guess: the most tokens of a response
RESPONSE_TOKENS = 1024.0


def min_k_job(study: Study, base: SizedModel, on: Processor) -> Job:
    """What it takes a base to read its data sets.

    Raises:
        SafeLRMError: the base does not fit into the GPUs that the study describes.
    """
    asked, texts = MinKSettings(), []
    if study.memorisation:
        asked, known = study.memorisation, study.memorisation.known.get(base.name)
        texts = [sft_texts(study, name, RESPONSE_TOKENS) for name in asked.read_by(base.name)]
        if known and known.module:
            texts.append(Texts(2.0 * known.size, GUESSED_PROMPT_TOKENS, RESPONSE_TOKENS / 2))
    if asked.sample:
        texts = [replace(one, rows=min(one.rows, asked.sample)) for one in texts]
    read = mixed([(one, one.rows) for one in texts])
    need = partial(on.engine_bytes, base, asked.batch_tokens, asked.dtype)
    fit = fewest_gpus(need, study.execution, base, "memorisation.batch_tokens", 1)
    reading = on.forward_seconds(base, read.tokens, asked.dtype, fit.gpus)
    return fit.job(on.training_start + on.engine_start + reading, host=table_bytes(read))
