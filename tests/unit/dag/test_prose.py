"""Words for readers change nothing; what is tested, raised, computed or written does."""

import ast
from pathlib import Path

import pytest

from safelrm.dag.prose import MAKERS, OWN_ERROR, PYTHON_ERRORS, without_prose

PACKAGE = Path(__file__).parents[3] / "workflow" / "safelrm"

RAISING = """
def helper(x, records):
    if x > 1:
        raise SafeLRMError(f"{x} is above {LIMIT}", key="x", fix="lower it") from error
    if x < 0:
        raise ValueError("it is negative")
    if x == 0:
        raise records.fault("it is zero", column(x))
    raise SystemExit("it is one")
"""
RETURNING = """
def error(x):
    return SafeLRMError(f"{x} is above {LIMIT}", fix="lower it")
"""
PRINTING = """
def helper(x):
    for step in range(x):
        print(f"step {step}", flush=True)
        print("saved:", f"{step * 2:.1f} files in {x}", sep="  ", file=sys.stderr)
    print(x, file=handle)
    report("done")
"""


def normal(text: str) -> str:
    return ast.dump(without_prose(ast.parse(text).body[0]))


def counts(text: str, old: str, new: str) -> bool:
    assert old in text
    return normal(text) != normal(text.replace(old, new))


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (RAISING, "is above", "exceeds"),
        (RAISING, "{x} is above {LIMIT}", "{helper(LIMIT):.2f}"),
        (RAISING, 'key="x", fix="lower it"', 'fix=f"lower {x}"'),
        (RAISING, '"it is negative"', 'f"{x} is negative"'),
        (RAISING, '"it is zero", column(x)', '"x is zero"'),
        (RETURNING, "is above", "exceeds"),
        (PRINTING, "step {step}", "{step} steps"),
        (PRINTING, '        print(f"step {step}", flush=True)\n', ""),
        (PRINTING, "saved:", "kept:"),
        (PRINTING, ":.1f} files in", ":.2f} kept in"),
        (PRINTING, 'sep="  "', 'sep=" "'),
    ],
)
def test_words_for_readers_do_not_count(text, old, new):
    assert not counts(text, old, new)


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (RAISING, "x > 1", "x > 2"),
        (RAISING, "raise ValueError", "raise TypeError"),
        (RAISING, "raise SafeLRMError", "raise ValueError"),
        (RAISING, " from error", ""),
        (RAISING, "records.fault(", "records.warning("),
        # what is no text, or does something else as well
        (RAISING, '"it is one"', "3"),
        (RAISING, '"it is negative"', '2, "it is negative"'),
        (RAISING, '"it is negative"', '(x := "it is negative")'),
        (RAISING, '"it is negative"', 'f"{(x := 1)}"'),
        (RAISING, 'key="x"', "**given"),
        (RAISING, '"it is zero"', "*texts"),
        (RETURNING, "return SafeLRMError", "return warning"),
        (PRINTING, "step * 2", "next(steps)"),
        (PRINTING, "sys.stderr", "handle"),
        (PRINTING, "print(x, file=handle)", "print(x + 1, file=handle)"),
        (PRINTING, '"done"', '"failed"'),
    ],
)
def test_what_is_done_counts(text, old, new):
    assert counts(text, old, new)


def test_texts_that_are_not_raised_count():
    assert counts('problem = SafeLRMError("too large")', "large", "small")
    assert counts('def helper(records):\n    return records.fault("too large")', "large", "small")
    assert counts('raise KeyError("too large")', "large", "small")


def test_the_project_gives_these_names_no_other_meaning():
    makers = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name in MAKERS:
                makers.add(node.name)
                assert ast.unparse(node.returns) == OWN_ERROR, path
            if path.name != "errors.py":
                assert not given_a_meaning(node) & {OWN_ERROR, "print", *PYTHON_ERRORS}, path
    assert makers == MAKERS


def given_a_meaning(node: ast.AST) -> set[str]:
    """The names that a part of a module gives a meaning, but for imports."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.arg):
        return {node.arg}
    return {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()
