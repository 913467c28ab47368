"""A guard read through vLLM: many texts at once, for verdicts."""

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import pandas as pd

from safelrm.core.work import current_folder
from safelrm.engine.guard_reading import GuardPrompts, GuardReading, Pair
from safelrm.engine.shards import in_shards
from safelrm.engine.vllm_engine import start_engine
from safelrm.schemas.readings import READINGS
from safelrm.settings.guard import GuardSettings

# texts that are read together and then kept; an answer is one token, so none waits for another
SHARD = 4096


class VllmGuard:
    """A `GuardReader` that takes the labels' log-probabilities from vLLM's raw (unscaled) logits."""

    def __init__(self, folder: Path, settings: GuardSettings, *, dtype: str) -> None:
        self.prompts = GuardPrompts(folder, settings)
        # one token more than the question: the answer
        self.engine = start_engine(folder, dtype=dtype, max_model_length=settings.max_length + 1)

    def read(self, pairs: Sequence[Pair]) -> list[GuardReading | None]:
        """One reading per pair, in order; None for a text longer than `max_length`.

        Within a job with partial state, readings are kept in its work folder, and taken from there.
        """
        if not pairs:
            return []
        folder = current_folder()
        rows = in_shards(pairs, SHARD, self._read, table=READINGS, folder=folder) if folder else self._read(pairs)
        present = rows["label_mass"].notna()
        return [
            GuardReading(*row) if readable else None
            for row, readable in zip(rows.itertuples(index=False, name=None), present, strict=True)
        ]

    def _read(self, pairs: Sequence[Pair]) -> pd.DataFrame:
        from vllm import SamplingParams  # noqa: PLC0415  (the engine's environment is set by now)

        prompts = self.prompts
        questions = prompts.encode(pairs)
        greedy = SamplingParams(
            temperature=0.0, max_tokens=1, logprob_token_ids=[prompts.unsafe_id, prompts.safe_id], detokenize=False
        )
        asked = [{"prompt_token_ids": ids} for ids in questions if ids is not None]
        # what earlier texts left there may change the order of arithmetic
        self.engine.reset_prefix_cache()
        answers = iter(self.engine.generate(asked, greedy, use_tqdm=False) if asked else [])
        readings = [None if ids is None else self._reading(next(answers).outputs[0]) for ids in questions]
        rows = [(None, None, None) if reading is None else astuple(reading) for reading in readings]
        return pd.DataFrame(rows, columns=READINGS.schema.names)

    def _reading(self, answer: object) -> GuardReading:
        logprobs = answer.logprobs[0]
        return self.prompts.reading(
            logprobs[self.prompts.unsafe_id].logprob, logprobs[self.prompts.safe_id].logprob, answer.token_ids[0]
        )
