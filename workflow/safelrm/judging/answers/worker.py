"""A process that asks math-verify, and is safe from what it asks about.

SymPy may compute without end, or fill the memory: `9^{9^{9^9}}` is enough. A signal does not stop it, since the time
goes by within one operation of C. So each question has a process of its own, which the kernel ends at a limit of
processor time, and which gets no memory beyond another limit. The process that makes them has loaded math-verify once.
"""

import json
import logging
import os
import resource
import sys
from collections.abc import Mapping

# what the process says once it can be asked
READY = "ready"
_EQUIVALENT, _DIFFERENT = b"1", b"0"
# readers of LaTeX learn from what they have read, so the first question of a kind takes longest
_PRACTICE = (r"$\frac{1}{2}$", r"$0.5$"), (r"$(x+1)^2, -\sqrt{2}$", r"$1, 2$"), (r"$[1,2)$", r"$x = 5^\circ$")


def serve(seconds: int, memory: int) -> None:
    """Answer each line of standard input, `[given, wanted]` in JSON, with a line `true` or `false`, until it ends.

    Args:
        seconds: of processor time for each question.
        memory: bytes of address space for each question.
    """
    limits = {resource.RLIMIT_CPU: seconds, resource.RLIMIT_AS: memory, resource.RLIMIT_CORE: 0}
    logging.disable(logging.CRITICAL)
    for given, wanted in _PRACTICE:
        _equivalent(given, wanted)
    print(READY, flush=True)
    for line in sys.stdin:
        print(json.dumps(_apart(*json.loads(line), limits)), flush=True)


def _apart(given: str, wanted: str, limits: Mapping[int, int]) -> bool:
    """Whether math-verify finds two texts equivalent within the limits."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _limit(limits)
            os.write(writer, _EQUIVALENT if _equivalent(given, wanted) else _DIFFERENT)
        finally:
            os._exit(0)
    os.close(writer)
    said = os.read(reader, 1)
    os.close(reader)
    os.waitpid(child, 0)
    return said == _EQUIVALENT


def _limit(limits: Mapping[int, int]) -> None:
    """Set the limits of this process, and separate it from the streams of its parent."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    for kind, wanted in limits.items():
        hard = resource.getrlimit(kind)[1]
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (limit, limit))


def _equivalent(given: str, wanted: str) -> bool:
    from math_verify import parse, verify  # noqa: PLC0415  (only this process needs it)

    # without their timeouts, which rely on signals
    read = [parse(text, parsing_timeout=None) for text in (wanted, given)]
    return bool(verify(*read, allow_set_relation_comp=True, timeout_seconds=None))
