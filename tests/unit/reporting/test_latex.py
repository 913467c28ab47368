"""LaTeX of tables: what stands in their Markdown, with nothing that LaTeX would read as a command."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.analysis.layout import markdown_table
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.latex import latex

PUBLISHED = sorted(Path("results/published").glob("*/tables/*.md"))
TEXT = """**Safety on *new* prompts, 95 %**

| model | arm | difference |
| --- | --- | --- |
| nano_a | sft-x | +0.100\\* [+0.05, +0.15] |
| nano_b | rl & dpo | - |

Judges: `guard_b` (100 % of $5), {braces} #1 ^ ~ \\\\ <b> \u2212.

- *broken*: two
  lines
- second
"""
DOCUMENT = """\\documentclass{article}
\\usepackage{booktabs}
\\usepackage{adjustbox}
\\begin{document}
%s
\\end{document}
"""


def cells(text: str) -> list[list[str]]:
    return [line.removesuffix(" \\\\").split(" & ") for line in text.splitlines() if line.endswith(" \\\\")]


def test_a_table_with_its_caption_and_rules() -> None:
    text = latex(TEXT, "differences.md")
    assert "\\caption{Safety on \\emph{new} prompts, 95 \\%}" in text
    assert cells(text) == [
        ["model", "arm", "difference"],
        ["nano\\_a", "sft-x", "+0.100* {[}+0.05, +0.15{]}"],
        ["nano\\_b", "rl \\& dpo", "-"],
    ]
    assert [text.count(f"\\{rule}rule") for rule in ("top", "mid", "bottom")] == [1, 1, 1]


def test_text_around_a_table_stays_and_commands_are_text() -> None:
    text = latex(TEXT, "differences.md")
    assert "Judges: \\texttt{guard\\_b} (100 \\% of \\$5), \\{braces\\} \\#1" in text
    assert "\\textasciicircum{} \\textasciitilde{} \\textbackslash{} \\textless{}b\\textgreater{} $-$." in text
    assert "\\item \\emph{broken}: two\nlines\n\\item second\n" in text


def test_a_bold_line_that_is_above_no_table_is_no_caption() -> None:
    text = latex("**Note**\n\n" + markdown_table(["a"], [["1"]]) + "\n**End**\n\nText.\n", "x.md")
    assert text.count("\\caption{Note}") == 1
    assert "\\textbf{End}" in text


@pytest.mark.parametrize(("markdown", "message"), [("Text.\n", "no table"), ("# A\n\n|a|\n|-|\n|1|\n", "heading")])
def test_what_cannot_be_set_names_the_file(markdown: str, message: str) -> None:
    with pytest.raises(SafeLRMError, match=message) as error:
        latex(markdown, "odd.md")
    assert "odd.md" in str(error.value)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1))
def test_no_cell_reaches_latex_as_a_command(name: str) -> None:
    [_, [cell, last]] = cells(
        latex(markdown_table(["a", "b"], [[f"`{name.replace('`', '').replace('|', '')}`", "1"]]), "x.md")
    )
    plain = re.sub(r"\\(textbackslash|text\w+)\{\}|\\[&%$#_{}]|\{[\[\]]\}|\\texttt\{|\}$", "", cell)
    assert not set(plain) & set("&%$#_{}\\~^")
    assert last == "1"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no pdflatex")
@pytest.mark.parametrize("path", PUBLISHED, ids=[f"{path.parts[-3]}-{path.stem}" for path in PUBLISHED])
def test_published_tables_compile(path: Path, tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(DOCUMENT % latex(path.read_text(encoding="utf-8"), path.name), encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "table.pdf").stat().st_size > 0
