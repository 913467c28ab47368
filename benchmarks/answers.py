"""How well the judge of answers agrees with math-verify, and how fast it is.

    SAFELRM_REAL_DATA=/folder python benchmarks/answers.py            MATH-500 and GSM8K, as in docs/judges.md
    SAFELRM_REAL_DATA=/folder python benchmarks/answers.py --first 50     the first 50 problems of each

Each solution of MATH-500 is judged as it is, with its answer rewritten (the verdict must be *correct*), and with its
answer changed (it must be *incorrect*). Where the two disagree, the answer is shown with the right verdict.
"""

import argparse
import json
import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from math_verify import parse, verify

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

from safelrm.judging.answers.markup import boxes
from safelrm.judging.exact import is_correct

# an answer that is more than one number or formula: its sign and its factors are those of a part
_PARTS = re.compile(r",|\\pm|=|\\in|\\cup|text|mbox|matrix|circ|_|\\\$")
_FRACTION = re.compile(r"\\d?frac\{(\d+)\}\{(\d+)\}")
# numbers to count speed with
FAST = 10_000
# what an answer says before its last step
STEPS = "First, we find what Tom has: **3 bags** with 6 apples, so $3 \\times 6 = 18$ apples.\n\n" * 10


def one_more(answer: str) -> str | None:
    """The first number raised by one, or the next option."""
    if option := re.fullmatch(r"\\text\{\(([A-E])\)\}", answer):
        return rf"\text{{({'ABCDEA'['ABCDE'.index(option.group(1)) + 1]})}}"
    changed = re.sub(r"\d+", lambda found: str(int(found.group()) + 1), answer, count=1)
    return changed if changed != answer else None


def ten_times(answer: str) -> str | None:
    """A whole number with one zero more."""
    return f"{answer}0" if re.fullmatch(r"-?[1-9]\d*", answer) else None


def negated(answer: str) -> str | None:
    """The answer with the other sign."""
    return None if _PARTS.search(answer) or answer == "0" or not re.search(r"\d", answer) else f"-({answer})"


def swapped(answer: str) -> str | None:
    """A fraction upside down."""
    changed = _FRACTION.sub(r"\\frac{\2}{\1}", answer, count=1)
    return changed if changed != answer and not re.search(r"frac\{(\d+)\}\{\1\}", answer) else None


def other_word(answer: str) -> str | None:
    """Another word for an answer in words."""
    return r"\text{zebra}" if re.fullmatch(r"\\text\{[A-Za-z]+\}", answer) else None


def plain_fraction(answer: str) -> str | None:
    """A fraction with a slash."""
    return _FRACTION.sub(r"\1/\2", answer) if _FRACTION.fullmatch(answer) else None


def decimal(answer: str) -> str | None:
    """A fraction as decimals, where they end; a whole number with two decimals."""
    if re.fullmatch(r"-?\d+", answer):
        return f"{answer}.00"
    if not (found := _FRACTION.fullmatch(answer)):
        return None
    value = Fraction(int(found[1]), int(found[2]))
    ends = 10**8 % value.denominator == 0
    return f"{float(value):.8f}".rstrip("0") if ends else None


def grouped(answer: str) -> str | None:
    """A large number with LaTeX's separators of thousands."""
    return f"{int(answer):,}".replace(",", "{,}") if re.fullmatch(r"\d{4,}", answer) else None


def expanded(answer: str) -> str | None:
    """The answer with a term and its opposite."""
    return None if _PARTS.search(answer) or not re.search(r"\d", answer) else f"{answer} + 3 - 3"


def doubled(answer: str) -> str | None:
    """A whole number as a fraction."""
    return rf"\frac{{{2 * int(answer)}}}{{2}}" if re.fullmatch(r"-?\d+", answer) else None


WRONG = (one_more, ten_times, negated, swapped, other_word)
RIGHT = (plain_fraction, decimal, grouped, expanded, doubled)


def cases(row: dict[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Kinds of a problem's answers, the answers, and whether they are right."""
    solution, answer = row["solution"], row["answer"]
    yield "own solution", solution, True
    for rewrite, right in [(one, True) for one in RIGHT] + [(one, False) for one in WRONG]:
        if (changed := rewrite(answer)) is not None:
            box = boxes(solution)[-1]
            yield rewrite.__name__, rf"{solution[: box.start]}\boxed{{{changed}}}{solution[box.end :]}", right
            yield f"{rewrite.__name__}, in words", f"So the answer is ${changed}$.", right


def by_math_verify(answer: str, reference: str) -> bool:
    """Its verdict, without its time limits: they are seconds on the clock, which a busy machine does not keep."""
    return verify(*(parse(text, parsing_timeout=None) for text in (f"${reference}$", answer)), timeout_seconds=None)


def agreement(rows: list[dict[str, str]]) -> None:
    """Print how often both verdicts are equal, how often each is right, and where they differ."""
    counts: dict[str, Counter] = {}
    differences = []
    for row in rows:
        for kind, answer, right in cases(row):
            ours, theirs = is_correct(answer, row["answer"], row["problem"]), by_math_verify(answer, row["answer"])
            count = counts.setdefault(kind, Counter())
            count.update(n=1, agree=ours == theirs, ours=ours == right, theirs=theirs == right)
            if ours != theirs:
                differences.append((kind, row["unique_id"], row["answer"], final_part(answer), right, ours))
    total = sum(counts.values(), Counter())
    print(f"{'MATH-500':28s}     n  agree  judge right  math-verify right")
    for kind, count in [*counts.items(), ("all", total)]:
        shares = [count[name] / count["n"] for name in ("agree", "ours", "theirs")]
        print(f"{kind:28s} {count['n']:5d}  {shares[0]:.4f}  {shares[1]:11.4f}  {shares[2]:17.4f}")
    for kind, name, reference, given, right, ours in differences:
        who = "judge" if ours == right else "math-verify"
        print(f"{who} is right: {name} ({kind}): {given} for {reference} is {'correct' if right else 'incorrect'}")


def final_part(answer: str) -> str:
    """What is shown of an answer: its last box, or all of it."""
    found = boxes(answer)
    return found[-1].text if found else answer


def gsm8k(rows: list[dict[str, str]]) -> None:
    """Print how often the solutions and their other writings are judged rightly."""
    numbers = [row["answer"].rpartition("####")[2].strip() for row in rows]
    writings: dict[str, Callable[[str, str], tuple[str, bool]]] = {
        "own solution": lambda solution, _: (solution, True),
        "box with unit": lambda _, number: (rf"So it is \boxed{{{number} \text{{ eggs}}}}.", True),
        "run-on": lambda solution, _: (
            f"{solution}\n\nQuestion: Tom has 3 cats.\nAnswer: He has 3.\n#### 987654",
            True,
        ),
        "one more": lambda _, number: (f"The answer is {int(number.replace(',', '')) + 1}.", False),
    }
    print(f"{'GSM8K':28s}     n  judge right")
    for kind, write in writings.items():
        made = [write(row["answer"], number) for row, number in zip(rows, numbers, strict=True)]
        right = [is_correct(answer, number) == wanted for (answer, wanted), number in zip(made, numbers, strict=True)]
        print(f"{kind:28s} {len(right):5d}  {sum(right) / len(right):11.4f}")


def speed() -> None:
    """Print how many answers without mathematics are judged in a second."""
    answers = [
        (f"{STEPS}He has {number} and buys {number} more.\nSo the answer is \\boxed{{{2 * number}}}.", str(number * 2))
        for number in range(FAST)
    ]
    started = time.process_time()
    rate = sum(is_correct(*answer) for answer in answers) / (time.process_time() - started)
    print(f"{rate:.0f} answers per second of processor time where no mathematics is parsed")


def read(name: str, first: int | None) -> list[dict[str, str]]:
    """The rows of one of the files."""
    text = (Path(os.environ["SAFELRM_REAL_DATA"]) / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()][:first]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, help="how many problems of each file")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    speed()
    gsm8k(read("gsm8k_test.jsonl", arguments.first))
    agreement(read("math500.jsonl", arguments.first))


if __name__ == "__main__":
    main()
