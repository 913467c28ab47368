"""Joins the locks of several Pythons into one, whose markers say which pins are not for all of them.

python envs/join_locks.py FOLDER > LOCK     FOLDER/3.11, FOLDER/3.12 and so on: one lock for each Python
"""

import sys
from pathlib import Path


def split_pins(lock: str) -> tuple[list[str], dict[str, list[str]]]:
    """The lines before the first pin, and for each pin (`name==version`) the comments below it."""
    head: list[str] = []
    pins: dict[str, list[str]] = {}
    comments = head
    for line in lock.splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            comments = pins.setdefault(line, [])
        else:
            comments.append(line)
    return head, pins


def join(locks: dict[str, str]) -> str:
    """One lock for all Pythons: comments are of the first Python that has the pin.

    Args:
        locks: text of the lock for each Python, such as `3.11`.
    """
    parsed = {python: split_pins(lock) for python, lock in locks.items()}
    comments: dict[str, list[str]] = {}
    for _, pins in parsed.values():
        comments = pins | comments
    (head, _), *_ = parsed.values()
    lines = list(head)
    pythons = {pin: [python for python, (_, pins) in parsed.items() if pin in pins] for pin in comments}
    for pin in sorted(comments, key=lambda pin: (pin.partition("==")[0], pythons[pin])):
        marker = "" if len(pythons[pin]) == len(locks) else f" ; python_version in '{' '.join(pythons[pin])}'"
        lines += [pin + marker, *comments[pin]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(join({path.name: path.read_text(encoding="utf-8") for path in sorted(Path(sys.argv[1]).iterdir())}), end="")
