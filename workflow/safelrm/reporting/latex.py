"""A table of a study for papers: its Markdown as LaTeX, with the rules of booktabs.

Input:  a table as Markdown, which the rules `table`, `compare` and `calibrate` write.
Output: a LaTeX file for `\\input`. The document needs the packages booktabs and adjustbox.

A bold line above a table becomes its caption; text around tables stays text. A table that is too wide or too high for
a page is scaled down.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from safelrm.core.cli import command_parser, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_text

HEAD = "% made from {name}; the document needs \\usepackage{{booktabs}} and \\usepackage{{adjustbox}}\n"
FIT = "max width=\\linewidth, max totalheight=0.85\\textheight"
ESCAPES = str.maketrans(
    {
        "\\": "\\textbackslash{}",
        "~": "\\textasciitilde{}",
        "^": "\\textasciicircum{}",
        "<": "\\textless{}",
        ">": "\\textgreater{}",
        "\u2212": "$-$",
        **{character: f"\\{character}" for character in "&%$#_{}"},
        # a bracket at the beginning of a row would be an option of the row before
        "[": "{[}",
        "]": "{]}",
    }
)
STYLES = {"strong": "\\textbf{%s}", "em": "\\emph{%s}", "code_inline": "\\texttt{%s}"}


def latex(markdown: str, name: str) -> str:
    """The LaTeX of a Markdown text.

    Args:
        markdown: paragraphs, lists and pipe tables.
        name: of its file.

    Raises:
        SafeLRMError: the text holds no table, or something else, such as a heading.
    """
    tree = SyntaxTreeNode(MarkdownIt("commonmark", {"html": False}).enable("table").parse(markdown))
    if not any(node.type == "table" for node in tree.children):
        raise SafeLRMError("holds no table", file=name, fix="write a pipe table with `markdown_table`")
    return HEAD.format(name=name) + "\n".join(_blocks(tree.children, name))


def _blocks(nodes: Sequence[SyntaxTreeNode], name: str) -> Iterator[str]:
    caption = ""
    for place, node in enumerate(nodes):
        follows = nodes[place + 1].type if place + 1 < len(nodes) else ""
        if node.type == "table":
            yield _table(node, caption)
            caption = ""
        elif node.type == "paragraph" and follows == "table" and _is_bold(node):
            caption = "".join(_text(part.children) for part in node.children[0].children if part.type == "strong")
        elif node.type == "paragraph":
            yield _text(node.children) + "\n"
        elif node.type == "bullet_list":
            items = "".join(f"\\item {_text(item.children[0].children)}\n" for item in node.children)
            yield f"\\begin{{itemize}}\n{items}\\end{{itemize}}\n"
        else:
            raise SafeLRMError(f"holds a {node.type}", file=name, fix="write paragraphs, lists and pipe tables")


def _is_bold(paragraph: SyntaxTreeNode) -> bool:
    # the parser puts empty texts around it
    return [node.type for node in paragraph.children[0].children if node.type != "text" or node.content] == ["strong"]


def _table(table: SyntaxTreeNode, caption: str) -> str:
    """A floating table. Columns are set to the left: numbers have intervals and counts behind them."""
    head, *body = [[_text(cell.children) for cell in row.children] for part in table.children for row in part.children]
    lines = [_line(head), "\\midrule", *map(_line, body)]
    above = [f"\\caption{{{caption}}}"] if caption else []
    return "\n".join(
        [
            "\\begin{table}[htbp]",
            "\\centering",
            *above,
            f"\\begin{{adjustbox}}{{{FIT}}}",
            f"\\begin{{tabular}}{{{'l' * len(head)}}}",
            "\\toprule",
            *lines,
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{adjustbox}",
            "\\end{table}\n",
        ]
    )


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _text(nodes: Iterable[SyntaxTreeNode]) -> str:
    return "".join(map(_inline, nodes))


def _inline(node: SyntaxTreeNode) -> str:
    if node.type == "inline":
        return _text(node.children)
    if node.type in ("softbreak", "hardbreak"):
        return "\n"
    inner = _text(node.children) if node.children else node.content.translate(ESCAPES)
    return STYLES.get(node.type, "%s") % inner


def main() -> None:
    """Run the command."""
    parser = command_parser(__doc__)
    parser.add_argument("--markdown", required=True, type=Path, help="a table as Markdown")
    parser.add_argument("--output", required=True, type=Path, help="LaTeX file to write")
    arguments = parser.parse_args()
    text = arguments.markdown.read_text(encoding="utf-8")
    write_text(arguments.output, latex(text, arguments.markdown.name))


if __name__ == "__main__":
    run(main)
