"""Money that questions to an endpoint cost: what is spent, and the limit before which a job stops.

Each job that asks has a file of its own beside the kept answers, `spent-<id>.json`: the tokens that its questions took,
and the most that those on their way may take. A job promises a question's tokens there before it asks. Then it adds up
the files of all jobs, and withdraws the question if the sum is above the limit. So jobs that run at the same time do
not pass the limit together, and what earlier jobs spent counts. No file has two writers, so there are no locks.
"""

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_json
from safelrm.inference.settings import SpendingSettings

FILES = "spent-*.json"
MILLION = 1e6


@dataclass(frozen=True)
class Tokens:
    """Tokens of questions and of replies."""

    question: int = 0
    reply: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.question + other.question, self.reply + other.reply)

    def __sub__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.question - other.question, self.reply - other.reply)

    def cost(self, prices: SpendingSettings) -> float:
        """What they cost."""
        return (self.question * prices.question_price + self.reply * prices.reply_price) / MILLION


class Purse:
    """What the questions of one job cost, beside those of all jobs that share a folder of answers.

    Args:
        folder: the folder of answers.
        prices: prices and the limit; None to count tokens alone.
        where: the endpoint, for messages.
    """

    def __init__(self, folder: Path, prices: SpendingSettings | None, where: str) -> None:
        self._folder, self._prices, self._where = folder, prices, where
        self._file = folder / f"spent-{uuid4().hex}.json"
        self._turn = threading.Condition()
        self._spent, self._promised = Tokens(), Tokens()
        self._asking = self._asked = self._silent = 0

    def promise(self, most: Tokens) -> None:
        """Set aside what a question may cost at most. This waits while other questions of the job hold the rest.

        Raises:
            SafeLRMError: the question may pass the limit.
        """
        with self._turn:
            while not self._fits(most):
                if not self._asking:
                    raise self._passed(most)
                self._turn.wait()
            self._asking += 1

    def settle(self, most: Tokens, used: Tokens | None) -> None:
        """Count what a question has cost.

        Args:
            most: what was promised.
            used: what the endpoint says; None if it does not say: then all that was promised counts.
        """
        with self._turn:
            self._asked += 1
            self._silent += used is None
            self._spent += most if used is None else used
            self._asking -= 1
            self._promised -= most
            self._turn.notify_all()

    def close(self) -> str:
        """Write down what the job has spent, and say it in one line."""
        with self._turn:
            self._write()
            said = f"{self._asked} questions of {self._spent.question} tokens, replies of {self._spent.reply} tokens"
            if self._silent:
                said += f" ({self._silent} came without their usage, and count as the most that they may be)"
            if self._prices is None:
                return said
            cost, total = self._spent.cost(self._prices), self._total().cost(self._prices)
            return f"{said}; cost {cost:.6g}, by all jobs {total:.6g} of {self._prices.limit:.6g}"

    def _fits(self, most: Tokens) -> bool:
        """Promise the tokens, if that keeps the limit."""
        self._promised += most
        if self._prices is None:
            return True
        # written before the sum is taken: of two jobs at the same time, at least one sees the other
        self._write()
        if self._total().cost(self._prices) <= self._prices.limit:
            return True
        self._promised -= most
        self._write()
        return False

    def _total(self) -> Tokens:
        """Tokens that all jobs have spent or promised."""
        total = self._spent + self._promised
        for path in self._folder.glob(FILES):
            if path != self._file:
                total += _read(path)
        return total

    def _write(self) -> None:
        write_json(self._file, asdict(self._spent + self._promised))

    def _passed(self, most: Tokens) -> SafeLRMError:
        spent, limit = self._total().cost(self._prices), self._prices.limit
        next_one = f"the next question may cost {most.cost(self._prices):.6g}"
        return SafeLRMError(
            f"{next_one}, and {spent:.6g} of {limit:.6g} are spent or set aside",
            file=self._where,
            key="spending.limit",
            fix="raise the limit, or ask less; what was answered is kept, and is not paid for again",
        )


def _read(path: Path) -> Tokens:
    """What another job has spent.

    Raises:
        SafeLRMError: its file is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Tokens(int(found["question"]), int(found["reply"]))
    except (OSError, ValueError, LookupError, TypeError) as error:
        fix = "write into it the tokens that the job used; or remove it, and lower the limit by what the job cost"
        raise SafeLRMError(f"does not say what a job has spent ({error})", file=path, fix=fix) from None
