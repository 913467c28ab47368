"""Multiple choice: answers that name an option by its letter or its text."""

import pytest

from safelrm.judging.answers.choices import options
from safelrm.judging.exact import is_correct

LETTERS = "In which direction? (A) north (B) south (C) east or west"
CHOICES = {
    "The answer is B. Note that A \u2026": "B",
    "(B)": "B",
    "Option B": "B",
    "**B**": "B",
    "B) text": "B",
    "b": "B",
    "Answer: b) text": "B",
    r"\boxed{\text{B}}": "B",
    r"$\boxed{\textbf{(B)}\ 15}$": "B",
    "The correct option is (B), since A and C are too large.": "B",
    "Options A and C can be ruled out, so B is correct.": "B",
    "The answer is A because it is.": "A",
    "I think it's B.": "B",
    "B, not A": "B",
    "The statement that is not true is (B)": "B",
    "A good answer is hard to find.": "",
    "B is wrong.": "",
    "The answer is neither A nor B.": "",
    "(A) or (B), hard to say": "",
    "B or maybe A": "",
    "A B C D": "",
    "A/B": "",
}


@pytest.mark.parametrize("answer", CHOICES)
def test_an_option_is_named_by_its_letter(answer):
    for letter in "ABC":
        for reference in (letter, f"({letter})", rf"\text{{({letter})}}"):
            assert is_correct(answer, reference) == (letter == CHOICES[answer])


def test_an_option_may_be_given_by_its_text():
    assert options(LETTERS) == {"A": "north", "B": "south", "C": "east or west"}
    assert is_correct("It is south.\n\\boxed{south}", "B", LETTERS)
    assert not is_correct(r"\boxed{north}", "B", LETTERS)
    # and the other way round
    assert is_correct("The answer is (B).", "south", LETTERS)
    assert not is_correct("The answer is (A).", "south", LETTERS)
    assert options("A. 12\nB. 15 km\n\nExplain.") == {"A": "12", "B": "15 km"}
    assert options("Where is (A)?") == {}


def test_several_options_must_all_be_named():
    assert is_correct("The answer is C and A.", "A, C")
    assert not is_correct("The answer is A.", "A, C")
