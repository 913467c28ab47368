"""Several processes that ask engines of their own, each on one core: how a job on a CPU uses several cores.

Each process has a part of the questions. So an answer is what one process alone would have got, as far as answers do
not depend on the batch. Threads of one engine would share sums, and are slower beside other work.
"""

import os
from collections.abc import Iterator, Sequence
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CORES, RUNNER, end_with_runner
from safelrm.inference.store import Answer, Ask, Question

# questions for which one more engine is worth its start
FEWEST = 8


def shared_out(ask: Ask, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
    """The place and the answer of each question, as soon as one of the job's processes has it.

    Args:
        ask: puts questions to an engine. It must be picklable.
        questions: what is asked.

    Raises:
        SafeLRMError: a process has failed; the error is its own if it gave one.
    """
    count = min(int(os.environ.get(CORES, "1")), len(questions) // FEWEST)
    if count <= 1:
        yield from ask(questions)
        return
    # not fork: libraries that have threads do not survive it
    context = get_context("spawn")
    processes, places = {}, {}
    try:
        for part in range(count):
            reader, writer = context.Pipe(duplex=False)
            places[reader] = range(part, len(questions), count)
            processes[reader] = context.Process(target=_work, args=(writer, ask, questions[part::count]), daemon=True)
            processes[reader].start()
            writer.close()
        while open_ones := [reader for reader in processes if not reader.closed]:
            for reader in wait(open_ones):
                for place, answer in _received(reader):
                    yield places[reader][place], answer
        for process in processes.values():
            process.join()
            if process.exitcode:
                raise SafeLRMError(
                    f"a process that asked an engine ended with {process.exitcode}",
                    key="execution.cores_per_job",
                    fix="give the job more memory, or fewer cores",
                )
    finally:
        for process in processes.values():
            process.kill()


def _received(reader: Connection) -> list[tuple[int, Answer]]:
    """What a process has sent, or nothing at its end, when the connection is closed. Its error is raised."""
    try:
        message = reader.recv()
    except (EOFError, OSError):
        reader.close()
        return []
    if isinstance(message, dict):
        raise SafeLRMError(**message)
    return [message]


def _work(writer: Connection, ask: Ask, questions: Sequence[Question]) -> None:
    """Answer questions in a process that ends with its parent."""
    os.environ[RUNNER] = str(parent_process().pid)
    end_with_runner()
    try:
        for answer in ask(questions):
            writer.send(answer)
    except SafeLRMError as error:
        writer.send({name: getattr(error, name) for name in ("problem", "file", "key", "fix")})
    writer.close()
