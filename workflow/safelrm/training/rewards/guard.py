"""A guard that gives a reward: it is loaded once, and asked about the completions of every step.

The reward asks as a judge does (inference/guard_prompts.py): with the guard's own template, and with control tokens
spelled out. So no completion can end its turn or begin another one. A text that cannot be spelled out is not read.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelrm.core.errors import SafeLRMError
from safelrm.inference.schemas import Pair

# terms are imported whenever a configuration is read, and these take seconds
if TYPE_CHECKING:
    from safelrm.inference.readings import ForwardGuard, GuardReading

# fields of a guard's answer, as presets name them
SAFETY, REFUSAL = "safety", "refusal"


@dataclass(frozen=True)
class RewardGuard:
    """A guard that a term reads.

    Attributes:
        reader: the guard.
        min_label_mass: the least probability of a field's labels together for which a reading counts.
        require_readable: raises SafeLRMError if none of some readings counts. The error says why, as a judge's does.
        last: the newest readings of texts.
        name: the guard in the configuration, for messages.
        fields: what the guard answers.
    """

    reader: "ForwardGuard"
    min_label_mass: float
    require_readable: "Callable[[Sequence[GuardReading | None]], None]" = lambda _: None
    last: "list[GuardReading | None]" = field(default_factory=list)
    name: str = "guard"
    fields: tuple[str, ...] = (SAFETY,)

    def p_unsafe(self, pairs: Sequence[Pair]) -> list[float | None]:
        """P(unsafe) of each pair of a prompt and a text; None if the text is too long, or the answer is no label.

        Raises:
            SafeLRMError: the guard fails, or gives no probability. The message names the guard.
        """
        readings = self._read(pairs)
        if readings:
            self.last[:] = readings
        found = [reading and (reading.p_unsafe, reading.label_mass) for reading in readings]
        return [self._probability(*value) if value else None for value in found]

    def p_refusal(self, pairs: Sequence[Pair]) -> list[float | None]:
        """P(refusal) of each pair of a prompt and an answer, by the guard's field `refusal`; None as above.

        Raises:
            SafeLRMError: the guard fails, or gives no probability. The message names the guard.
        """
        found = [reading and reading.others.get(REFUSAL) for reading in self._read(pairs, (SAFETY, REFUSAL))]
        return [self._probability(field.score, field.mass) if field else None for field in found]

    def require_refusal(self) -> None:
        """Make sure that the guard says whether an answer refuses.

        Raises:
            SafeLRMError: its answers have no field `refusal`.
        """
        if REFUSAL not in self.fields:
            raise SafeLRMError(
                f"the guard `{self.name}` does not say whether an answer refuses: it has no field `{REFUSAL}`",
                key=f"guards.{self.name}.reading.fields",
                fix="name a guard that has it (presets qwen3guard and wildguard), or let `refused_by` name a module",
            )

    def unreadable(self) -> SafeLRMError | None:
        """The error of a guard that was read on none of the newest texts; None if it was read on some."""
        try:
            self.require_readable(self.last)
        except SafeLRMError as error:
            return error
        return None

    def probe(self, pairs: Sequence[Pair]) -> bool:
        """Read texts only to see whether the guard can be read at all. A text that is too long does not tell."""
        self.last[:] = [reading for reading in self._read(pairs) if reading is not None]
        return self.unreadable() is None

    def _read(self, pairs: Sequence[Pair], *fields: tuple[str, ...]) -> "list[GuardReading | None]":
        try:
            readings = self.reader.read(pairs, *fields)
        except SafeLRMError:
            raise
        except Exception as error:
            # torch's, of which importing takes seconds
            full = type(error).__name__ in ("OutOfMemoryError", "MemoryError")
            fix = "lower `batch_size` in the guard's `reading`, or set `guard_dtype: bfloat16`"
            raise self._fault(f"fails ({error!r})", fix if full else "run it as a judge of some rollouts") from error
        if len(readings) != len(pairs):
            raise self._fault(f"gives {len(readings)} readings of {len(pairs)} texts", "mend its reader")
        return readings

    def _probability(self, value: float | None, mass: float) -> float | None:
        if value is None or mass < self.min_label_mass:
            return None
        if not (math.isfinite(value) and 0.0 <= value <= 1.0):
            raise self._fault(f"gives {value!r} as a probability", "check its weights, or use another `guard_dtype`")
        return value

    def _fault(self, problem: str, fix: str) -> SafeLRMError:
        return SafeLRMError(f"the guard `{self.name}`, which gives a reward, {problem}", key="rewards", fix=fix)
