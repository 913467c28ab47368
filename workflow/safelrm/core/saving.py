"""When a training saves its state: so often that a killed one loses at most so many minutes of its work."""

import os
from time import monotonic

# variable that the Snakefile sets for its jobs: the most minutes of training that a killed job may lose
SAVE_MINUTES = "SAFELRM_SAVE_MINUTES"
DEFAULT_MINUTES = 5.0


class SaveClock:
    """Says after a step whether the state must be saved, because one more step could exceed `SAFELRM_SAVE_MINUTES`.

    The next step is taken to last as long as the longest one since the last save: some steps have a probe or long
    completions. The time that a save takes does not count, since nothing is computed in it.
    """

    def __init__(self) -> None:
        self._limit = 60 * float(os.environ.get(SAVE_MINUTES, DEFAULT_MINUTES))
        self.restart()

    def restart(self) -> None:
        """Count from now: training begins or goes on, and the state is saved."""
        self._saved = self._ended = monotonic()
        self._longest = 0.0

    def is_due(self) -> bool:
        """Whether to save the state now. Ask once at the end of each step, or of all steps that a save cannot part."""
        now = monotonic()
        self._longest = max(self._longest, now - self._ended)
        self._ended = now
        return now - self._saved + self._longest > self._limit
