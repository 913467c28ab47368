"""A rate limit: how fast the threads of a job may go."""

import threading
import time
from collections.abc import Callable

SECONDS = 60.0


class Pace:
    """At most so many units a minute, evenly spaced: no minute has more, and none begins with a burst.

    Args:
        per_minute: most units; None for no limit.
        clock: gives the time in seconds.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        per_minute: int | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_minute, self._clock, self._sleep = per_minute, clock, sleep
        self._lock, self._free = threading.Lock(), clock()

    def wait(self, units: float = 1.0) -> None:
        """Return when it is the caller's turn to use so many units."""
        if self._per_minute is None:
            return
        with self._lock:
            now = self._clock()
            turn = max(self._free, now)
            self._free = turn + units * SECONDS / self._per_minute
        if turn > now:
            self._sleep(turn - now)
