r"""More kinds of final answers: other scripts, numbers in words, times of day, sentences, corrections, units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.judging.answers.numerals import digits_first
from safelrm.judging.answers.signs import plain_numbers, plain_signs
from safelrm.judging.exact import is_correct

ONES = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
CORRECT = [
    # signs of Unicode
    *((f"{minus}18", "-18") for minus in "\u2010\u2011\u2212\ufe63\uff0d"),
    *((answer, "18") for answer in ("\uff11\uff18", "\u0661\u0668", "\ufeff18", "18\u200b", "18 \u03a9", "18 \u03bcm")),
    *(("1\u2157", "1.6"), ("\u215c", "3/8"), ("\u2010\u00bd", "-0.5"), ("10\u207b\u00b3", "0.001")),
    *(("\u2205", r"\emptyset"), ("10^{100}", "1e100")),
    # numbers in words
    *(("The answer is eighteen.", "18"), ("**Twenty-one**", "21"), ("two hundred and five apples", "205")),
    *(("eighteen thousand", "18000"), ("zero", "0")),
    # units with capital letters, powers of units
    *((answer, "18") for answer in ("18 N", "18 kJ", "18kW", "18 Hz", "18 m s^{-1}")),
    # mark-up around mathematics
    *((rf"\boxed{{\{form}{{18}}}}", "18") for form in ("underline", "boldsymbol", "bm", "num")),
    (r"\boxed{\mathbf{\frac{1}{2}}}", "1/2"),
    # times of day
    *(("3:00 PM", "3:00 p.m."), ("3 pm", "3:00 PM"), ("The train arrives at 3:45 PM.", "3:45 PM"), ("3:45", "3:45 PM")),
    (r"\boxed{3:45\ \text{PM}}", r"3:45\text{ p.m.}"),
    # sentences around words
    *(("It is a Monday.", "Monday"), ("There is no solution.", "no solution"), ("no solutions", "No solution")),
    *(("The limit is infinity", r"\infty"), ("The ratio is 3 to 4.", "3:4")),
    # corrections, and turns that a model has made up
    *((f"The answer is 20. {words} it's 18.", "18") for words in ("Actually,", "No wait,", "Sorry,")),
    # but no step before, and no remark
    *(("Wait, that's 5 apples. So he has 18.", "18"), (r"\boxed{18}. Actually, it's 3 more than 15.", "18")),
    *(("A: 18\n\nQ: x?\nA: 20", "18"), ("The answer is 18.\n\n### Question\nx\nThe answer is 20", "18")),
    ("The answer is 18.\n\nInput: x\nOutput: The answer is 20.", "18"),
]
INCORRECT = [
    *(
        ("3:30 AM", "3:30 PM"),
        ("It is not 3 PM", "3 PM"),
        ("3:45 PM or 4:45 PM", "3:45 PM"),
        ("It is at 3:45 PM.", "45"),
    ),
    *(("3:30", "3:00 PM"), (r"3:30\text{ AM}", r"3:30\ \text{PM}")),
    *((answer, "2") for answer in ("two thirds", "two and a half", "two or three", "two squared")),
    *(("one of them", "1"), ("one hundred", "1")),
    *((answer, "18") for answer in ("18\u2030", "18+", "18N", "18 NX", "The answer is 18. Actually, it's 20.")),
    *(("It is not Monday.", "Monday"), ("There is no unique solution.", "no solution")),
]


@pytest.mark.parametrize(("answer", "reference"), CORRECT)
def test_other_writings_of_the_reference_are_correct(answer, reference):
    assert is_correct(answer, reference)


@pytest.mark.parametrize(("answer", "reference"), INCORRECT)
def test_other_statements_are_incorrect(answer, reference):
    assert not is_correct(answer, reference)


@given(st.integers(1, 999), st.sampled_from([("", 1), (" thousand", 1000), (" million", 10**6)]))
def test_numbers_in_words_are_read(number, scale):
    rest = number % 100
    below = (
        ONES[rest - 1] if rest < 20 else "-".join([TENS[rest // 10 - 2], *ONES[rest % 10 - 1 : rest % 10][: rest % 10]])
    )
    hundreds = [f"{ONES[number // 100 - 1]} hundred"] if number > 99 else []
    words = " and ".join([*hundreds, *([below] if rest else [])])
    assert digits_first(f"{words}{scale[0]} apples").removesuffix(" apples") in (str(number * scale[1]), "one")


@given(st.text(max_size=40))
def test_signs_are_made_plain_once(text):
    assert plain_signs(plain_signs(text)) == plain_signs(text)
    assert len(plain_signs(text)) <= len(text)
    assert not text.isascii() or plain_numbers(text) == text
