"""The one error type for users. It says what is wrong, where, and how to mend it."""

from pathlib import Path


class SafeLRMError(Exception):
    """A problem that the user can mend.

    Args:
        problem: what is wrong, as a phrase without a full stop.
        file: the file in which the problem was found.
        key: the configuration key, column or field at fault.
        fix: what to do about it, as an instruction.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        key: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.problem, self.file, self.key, self.fix = problem, file, key, fix
        super().__init__(problem)

    def __str__(self) -> str:
        where = ": ".join(str(part) for part in (self.file, self.key) if part is not None)
        text = f"{where}: {self.problem}" if where else self.problem
        return f"{text}\n  fix: {self.fix}" if self.fix else text
