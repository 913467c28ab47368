"""What became of the rows of a file: those that are kept, and those that are left out, by reason.

A row is named by its number in the file, counted from 1 without the header, and never by its text.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from safelrm.core.errors import SafeLRMError
from safelrm.data.records import Records

# rows that a line of a log names
_SHOWN = 10
# rows that are tried at a time, where faulty ones are left out
_TOGETHER = 64
# how an error of Records names a row
_ROW = re.compile(r"row (\d+) ")


@dataclass(frozen=True)
class Account:
    """The rows of one file.

    Attributes:
        read: rows of the file.
        kept: rows of the data set.
        left_out: numbers of the other rows, by the reason why they are left out.
    """

    read: int
    kept: int
    left_out: Mapping[str, tuple[int, ...]]

    def __str__(self) -> str:
        lines = [f"{self.read} rows in the file = {self.kept} kept + {self.read - self.kept} left out"]
        for reason, numbers in self.left_out.items():
            more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
            lines.append(f"  {len(numbers)} left out by {reason}: rows {', '.join(map(str, numbers[:_SHOWN]))}{more}")
        return "\n".join(lines)


def account_of(records: Records) -> Account:
    """The account of the rows that are left of a file.

    Raises:
        RuntimeError: some rows are neither kept nor left out, which is a fault of this package.
    """
    kept, gone = len(records.rows), sum(map(len, records.left_out.values()))
    if kept + gone != records.read:
        raise RuntimeError(f"{records.origin}: {records.read} rows were read, {kept} kept and {gone} left out")
    return Account(records.read, kept, records.left_out)


def without_faulty(records: Records, use: Callable[[Records], object]) -> Records:
    """The records without the rows that cannot be used. The reason of each is its error.

    Records are used a few at a time. An error names the row at fault; where it does not, they are halved.

    Args:
        records: the records.
        use: raises a SafeLRMError if the records have a row that cannot be used.

    Raises:
        SafeLRMError: more than half of the rows cannot be used. Then the settings do not fit the file.
    """
    faults: dict[int, str] = {}
    numbered = [*records.rows]
    todo = [numbered[start : start + _TOGETHER] for start in range(0, len(numbered), _TOGETHER)]
    while todo:
        numbers = todo.pop()
        try:
            use(records.chosen(numbers))
        except SafeLRMError as error:
            row = _row_at_fault(error, numbers)
            if row is None:
                middle = len(numbers) // 2
                todo += [numbers[:middle], numbers[middle:]]
                continue
            reason = error.problem.removeprefix(f"row {row} ")
            faults[row] = f"{error.key}: {reason}" if error.key else reason
            if 2 * len(faults) > len(numbered):
                problem = f"more than half of the rows cannot be used, such as row {row}: {error.problem}"
                raise records.fault(problem, error.key, error.fix) from None
            todo += [rest] if (rest := [number for number in numbers if number != row]) else []
    for reason in dict.fromkeys(faults[number] for number in sorted(faults)):
        records = records.without([number for number in records.rows if faults.get(number) == reason], reason)
    return records


def _row_at_fault(error: SafeLRMError, numbers: Sequence[int]) -> int | None:
    """The row that an error names, or the only one that there is; None if it may be any."""
    if len(numbers) == 1:
        return numbers[0]
    found = _ROW.match(error.problem)
    return int(found[1]) if found and int(found[1]) in numbers else None
