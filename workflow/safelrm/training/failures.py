"""Failures of a training that its user can mend: memory that does not suffice, and a term of the reward that crashes.

What training has saved of its state is kept (training/resuming.py). The same job goes on from it.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from safelrm.core.errors import SafeLRMError
from safelrm.training.memory import advice
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.settings import TrainingSettings

P = ParamSpec("P")
T = TypeVar("T")
# what PyTorch says of a CPU and of a GPU; it has a class of its own for the latter alone
_SAID = ("can't allocate memory", "not enough memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory does not suffice."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _names_memory(str(error)))


def _names_memory(message: str) -> bool:
    return any(said in message for said in _SAID)


@contextmanager
def memory_advice(settings: TrainingSettings) -> Iterator[None]:
    """Say what to try next if a training with these settings runs out of memory.

    Raises:
        SafeLRMError: it does.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        # the error of a command is one message: the log also gets the place, and the account of the allocator
        traceback.print_exception(error)
        said = next((part for part in str(error).split(". ") if _names_memory(part)), "memory does not suffice")
        raise SafeLRMError(f"training ran out of memory: {said}", fix=advice(settings)) from error


def naming_term(term: RewardTerm, function: Callable[P, T]) -> Callable[P, T]:
    """A function of a term of the reward whose errors name the term and its guards.

    Raises:
        SafeLRMError: the function has raised an error of another class. Running out of memory stays what it is.
    """

    @wraps(function)
    def named(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except SafeLRMError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            traceback.print_exception(error)
            read = f", which reads {' and '.join(f'`{name}`' for name in term.guards)}," if term.guards else ""
            raise SafeLRMError(
                f"the reward term `{term.name}`{read} has failed: {type(error).__name__}: {error}",
                file=term.module,
                key="rewards",
                fix="mend what the error says (the log has its place), and run again: training goes on from its last"
                " state",
            ) from error

    return named
