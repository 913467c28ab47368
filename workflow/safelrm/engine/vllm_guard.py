"""A guard read through vLLM: many texts at once, for verdicts."""

from collections.abc import Sequence
from pathlib import Path

from safelrm.engine.guard_reading import GuardPrompts, GuardReading, Pair
from safelrm.engine.vllm_engine import start_engine
from safelrm.settings.guard import GuardSettings


class VllmGuard:
    """A `GuardReader` that takes the labels' log-probabilities from vLLM's raw (unscaled) logits."""

    def __init__(self, folder: Path, settings: GuardSettings, *, dtype: str) -> None:
        self.prompts = GuardPrompts(folder, settings)
        # one token more than the question: the answer
        self.engine = start_engine(folder, dtype=dtype, max_model_length=settings.max_length + 1)

    def read(self, pairs: Sequence[Pair]) -> list[GuardReading | None]:
        """One reading per pair, in order; None for a text longer than `max_length`."""
        from vllm import SamplingParams  # noqa: PLC0415  (the engine's environment is set by now)

        prompts = self.prompts
        questions = prompts.encode(pairs)
        greedy = SamplingParams(
            temperature=0.0, max_tokens=1, logprob_token_ids=[prompts.unsafe_id, prompts.safe_id], detokenize=False
        )
        asked = [{"prompt_token_ids": ids} for ids in questions if ids is not None]
        answers = iter(self.engine.generate(asked, greedy, use_tqdm=False) if asked else [])
        return [None if ids is None else self._reading(next(answers).outputs[0]) for ids in questions]

    def _reading(self, answer: object) -> GuardReading:
        logprobs = answer.logprobs[0]
        return self.prompts.reading(
            logprobs[self.prompts.unsafe_id].logprob, logprobs[self.prompts.safe_id].logprob, answer.token_ids[0]
        )
