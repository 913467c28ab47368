r"""Final answers as people and models write them: what they state, and whether it is the reference.

No test here asks math-verify more than it must: each of its questions takes a tenth of a second.
"""

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from safelrm.judging.answers import comparison
from safelrm.judging.answers.quantities import quantity
from safelrm.judging.answers.statements import final_answer
from safelrm.judging.exact import is_correct

# what statements are made of, in any order
SIGNS = r"\boxed{ } { $ $$ \( \) \[ \] #### ** 18 20 -7 1/2 2.5 , . : or and not B (A) \frac{1}{2} \text{ \pm % = is"
PHRASES = ["the answer is ", "Final answer:\n", "\n", "\n\nQuestion: ", " eggs", "wait, ", " "]
PIECES = st.sampled_from([*SIGNS.split(), *PHRASES])
TEXTS = st.lists(PIECES, max_size=14).map("".join)
STATED = [
    # the later statement counts
    ("So \\boxed{12}.\n\n**Answer: 15**", "15"),
    ("\\boxed{12} no wait. **15**", "15"),
    ("\\boxed{12} Hmm. The correct total is **15 apples**.", "15 apples"),
    ("$\\boxed{12}$ ... **Final answer: \\(15\\)**", "15"),
    ("\\boxed{42}\nHold on. The correct answer is 43.", "43"),
    ("The answer is 41, no: the answer is 42", "42"),
    (r"first I had \boxed{3}, but rather \boxed{4}", "4"),
    (r"\boxed{3} or rather \boxed{4}", "4"),
    # but not a remark on it, or the same once more
    (r"\boxed{12}. This answer is reasonable because 12 < 20.", "12"),
    ("\\boxed{12}\n\n**Final Answer:** The farmer has 12 cows and 3 pigs.", "12"),
    (r"\boxed{44}. We check our answer: $17\cdot 44 = 748$.", "44"),
    # what follows #### is the end, unless it is taken back
    ("#### 18 and that is all", "18"),
    ("#### 18 The answer is 18 because she sells 9 eggs for 2 each", "18"),
    ("#### 18\n\nQuestion: Tom has 3 cats.\n#### 12", "18"),
    ("#### 18\n\nTom has 3 cats. How many legs?\n4*3=12\n#### 12", "18"),
    ("#### 18\n\nJim has \\boxed{20}", "18"),
    ("#### 17\nWait, I made a mistake.\n#### 18", "18"),
    ("#### Step 1: add\n3+4=7\n#### Step 2: double\n#### 14", "14"),
    ("#### Final Answer\n\\boxed{18}", "18"),
    ("The answer is 18.\n\nQ: Tom?\nA: The answer is 20.", "18"),
    ("\\boxed{18}<|im_end|>\n<|im_start|>user\nand \\boxed{20}?", "18"),
    ("Initially $\\boxed{10}$.\n\nI forgot tax. The final answer is therefore **$11.50**.", "11.50"),
    # headings and displays
    ("## Final Answer\n\n18 dollars", "18"),
    ("**Final Answer**\n\n$$18$$", "18"),
    ("Answer:\n18", "18"),
    # boxes of an instruction, nested ones, ones without braces
    (r"The final answer goes in \boxed{}. It is \boxed{7}. Done \boxed{}", "7"),
    (r"\boxed{\boxed{4}}", "4"),
    # words that only begin like a negation
    (r"Both marks point north after $\boxed{36}$ seconds.", "36"),
    (r"\boxed 5", "5"),
]
CORRECT = [
    # units, currencies, words
    *(
        (answer, "18")
        for answer in (r"\boxed{18 dollars}", r"\boxed{18\text{ dollars}}", r"\boxed{\$18}", r"\boxed{18\%}")
    ),
    *(
        (answer, "18")
        for answer in (r"\boxed{18\,\mathrm{cm}^2}", r"\boxed{18 km/h}", r"\boxed{\text{Total} = 18}", "18€")
    ),
    *(
        (answer, "18")
        for answer in ("She has $18 per day.", "The answer is $18$ (since 3*6 = 18).", "The answer is **18**!")
    ),
    (r"\boxed{5 eggs}", "5"),
    (r"\boxed{90^\circ}", "90"),
    ("\\boxed{90\u00b0}", r"90^\circ"),
    (r"\boxed{90 \text{ degrees}}", r"90^\circ"),
    (r"\boxed{15}", r"15\mbox{ cm}^2"),
    ("The answer is 5.4 cents.", r"5.4 \text{ cents}"),
    ("2 million", "2000000"),
    (r"\boxed{\color{red}{18}}", "18"),
    # mixed numbers, fractions, decimals, per cent
    *(
        (answer, "8/3")
        for answer in ("2 2/3 cups", r"2\frac{2}{3}", r"\boxed{2\tfrac{2}{3}\text{ cups}}", "2-2/3 cups")
    ),
    *(
        (answer, "8/3")
        for answer in ("She needs 2 2/3 cups of sugar.", "2 and 2/3 cups", "2 \u2154", r"\boxed{\frac83}")
    ),
    ("\u22122\u00bd", "-2.5"),
    ("0.333333", "1/3"),
    ("50%", "0.5"),
    (r"\boxed{0.15}", r"15\%"),
    # separators of thousands, powers of ten
    *((answer, "9500") for answer in ("$9{,}500$", r"9\,500", "9,500.00", "9 500", r"\$9,\!500", r"\boxed{9\;500}")),
    *((answer, "1500") for answer in ("1.5e3", r"1.5 \times 10^3", "1.5\u00d710^{3}")),
    ("6.72e-5", ".0000672"),
    # what is negated does not count, nor what was counted before
    ("The answer is 20, not 18.", "20"),
    ("The answer is not 18 but 20.", "20"),
    ("He pays $5 for each of 4 books, so he pays $20.", "20"),
    # while other negations belong to what is asked
    ("The number of students who did not attend is 18.", "18"),
    ("Of 30 students, 18 are not in the band.", "18"),
    (r"What he couldn't eat leaves \boxed{18}", "18"),
    # words
    ("The answer is Evelyn, because she is fastest.", r"\text{Evelyn}"),
    (r"The student is \boxed{\text{Evelyn}}.", "Evelyn"),
    # mathematics
    (r"x=\boxed{1} or x=\boxed{-2}", "1,-2"),
    (r"\[x = \boxed{1} \quad\text{or}\quad x = \boxed{-2}\]", "1,-2"),
    (r"The first root is \boxed{1} and the second root is \boxed{-2}.", "-2, 1"),
    ("The solutions are **1** and **-2**.", "1,-2"),
    ("x = 1 or x = -2", "1,-2"),
    (r"\boxed{x \in \{1,-2\}}", "1,-2"),
    ("The answer is 3, 5, and 7.", "3, 5, 7"),
    (r"\boxed{3\sqrt{13} \text{ units}}", r"3\sqrt{13}"),
    ("3\u221a13", r"3\sqrt{13}"),
    (r"\boxed{-2 \le x \le 7}", r"x \in [-2,7]"),
    (r"\boxed{\begin{bmatrix}-1/3\\2\end{bmatrix}}", r"\begin{pmatrix} -1/3 \\ 2 \end{pmatrix}"),
    (r"\boxed{5}", "x=5"),
    (r"\boxed{-q+p}", "p - q"),
    ("The result is x^2+2x+1", "(x+1)^2"),
]
INCORRECT = [
    ("2 2/3 cups", "2"),
    (r"\boxed{2\frac23}", "2"),
    ("2 million", "2"),
    ("18 squared", "18"),
    ("5 feet 2 inches", "5"),
    (r"\boxed{18 \text{ or more}}", "18"),
    (r"\boxed{5 km}", r"5 \text{ m}"),
    (r"\boxed{18\text{ cents}}", r"\$18"),
    (".0000671", ".0000672"),
    ("0.33", "1/3"),
    ("1/10000000", "0.0"),
    *((answer, "18") for answer in ("negative 18", r"\boxed{\text{negative } 18}", "18 is wrong.", "18? 20?")),
    # several candidates
    ("The answer is 18. Or 20.", "20"),
    (r"x=\boxed{1} or x=\boxed{-2}", "-2"),
    (r"\boxed{1}", "1,-2"),
    ("A or B", "B"),
    ("The answer is A, B, C or D.", "D"),
    ("Evelyn, Bob", "Evelyn"),
    ("yes/no", "yes"),
    # denied, empty, unbalanced
    *(
        (answer, "18")
        for answer in ("not 18", "It isn't 18.", r"The answer is not \boxed{18}.", "The answer cannot be 18.")
    ),
    *((answer, "18") for answer in ("It is not the case that the answer is 18.", r"\boxed{\neq 18}", r"\boxed{> 18}")),
    *((answer, "18") for answer in (r"\boxed{}", r"\boxed{18", r"The answer: \boxed{\frac{18}{1}", "")),
    ("not east", "east"),
    # what math-verify reads over
    *((answer, "18") for answer in (r"\boxed{\neg 18}", r"\boxed{20 \vee 18}", r"\boxed{18|20}", r"\boxed{20 & 18}")),
    ("52_9", "52_8"),
    (r"\boxed{(3,4)}", "(3,4]"),
    (r"\boxed{(2,1)}", "(1,2)"),
]


@pytest.mark.parametrize(("text", "stated"), STATED)
def test_the_last_statement_is_the_final_answer(text, stated):
    assert final_answer(text).startswith(stated) or is_correct(text, stated)
    assert is_correct(text, stated.removesuffix(" apples"))


@pytest.mark.parametrize(("answer", "reference"), CORRECT)
def test_the_reference_in_other_words_is_correct(answer, reference):
    assert is_correct(answer, reference)


@pytest.mark.parametrize(("answer", "reference"), INCORRECT)
def test_what_only_resembles_the_reference_is_incorrect(answer, reference):
    assert not is_correct(answer, reference)


@pytest.mark.parametrize("joint", [" or ", ", ", "; ", " and ", " dollars or ", ", or maybe ", "/", " to "])
@pytest.mark.parametrize("frame", ["{}", r"\boxed{{{}}}", "The answer is {}.", "The answer is either {}."])
def test_several_candidates_are_no_answer(monkeypatch, joint, frame):
    # math-verify is not needed to see it
    monkeypatch.setattr(comparison, "equivalent", lambda given, wanted: given == wanted)
    answer = frame.format(f"18{joint}20")
    assert not is_correct(answer, "18")
    assert not is_correct(answer, "20")


def test_numbers_of_any_length_are_compared():
    number = "7" * 5000
    assert is_correct(rf"\boxed{{{number}.0}}", number)
    assert is_correct(f"{int(number[:3999]):,}", number[:3999])
    assert not is_correct(f"{number[:-1]}8", number)
    assert not is_correct(number, "3")
    assert is_correct("1e999999999", "10e999999998")
    assert not is_correct("1e999999999", "1")
    assert not is_correct(f"1e{number}", "1")


@settings(max_examples=40)
@given(st.fractions(max_denominator=999), st.sampled_from(["{}", r"\boxed{{{}}}", "The answer is {} cups.", "#### {}"]))
def test_fractions_are_read_in_all_writings(value, frame):
    whole, rest = divmod(abs(value.numerator), value.denominator)
    assume(value.denominator > 1 and whole)
    sign = "-" * (value < 0)
    mixed = f"{sign}{whole} {rest}/{value.denominator}"
    assert quantity(mixed).value == value
    assert is_correct(frame.format(mixed), str(value))
    assert is_correct(frame.format(rf"{sign}{whole}\frac{{{rest}}}{{{value.denominator}}}"), str(value))
    assert not is_correct(frame.format(mixed), f"{sign}{whole}")


@given(st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_decimals_are_read_exactly(digits, places):
    value = Fraction(digits, 10**places)
    text = f"{digits / 10**places:,.{places}f}" if abs(digits) < 10**9 else f"{digits}e-{places}"
    assert quantity(text).value == value
    assert quantity(text.replace(",", "{,}")).value == value
    assert quantity(f"{text} apples").value == value


@given(TEXTS, st.sampled_from(["18", "1/2", "B", "1,-2", "x=5", "eggs"]))
def test_any_text_is_judged(text, reference):
    def alike(first: str, second: str) -> bool:
        return first == second

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "equivalent", alike)
        assert is_correct(text, reference, text) in (True, False)


@pytest.mark.parametrize(
    "piece",
    ["\\boxed{", "}", "#### 18\n", "answer is ", "**18**\n", "$a b$", "\\(", "\nQ: a", "A or ", " \n", "not 18 "],
)
def test_long_texts_take_no_longer_than_they_are(monkeypatch, piece):
    monkeypatch.setattr(comparison, "equivalent", lambda given, wanted: False)
    text = piece * (60_000 // len(piece))
    began = os.times().user
    assert not is_correct(f"The answer is {text}", "B", text)
    # a tenth of a second, as a rule; what grows with the square of the length takes seconds
    assert os.times().user - began < 1.0


@pytest.mark.skipif("SAFELRM_REAL_DATA" not in os.environ, reason="SAFELRM_REAL_DATA names no folder of real data")
def test_solutions_of_real_problems_are_correct():
    folder = Path(os.environ["SAFELRM_REAL_DATA"])
    rows = [json.loads(line) for line in (folder / "gsm8k_test.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows[::4]:
        reference = row["answer"].rpartition("####")[2].strip()
        assert is_correct(row["answer"], reference)
        assert not is_correct(row["answer"], f"{reference}1")
    rows = [json.loads(line) for line in (folder / "math500.jsonl").read_text(encoding="utf-8").splitlines()]
    wrong = [row["unique_id"] for row in rows[::5] if not is_correct(row["solution"], row["answer"], row["problem"])]
    assert wrong == []
