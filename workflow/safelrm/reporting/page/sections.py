"""The parts of a report that are text, tables and pictures."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from docutils.core import publish_parts
from markdown_it import MarkdownIt
from markupsafe import Markup

from safelrm.core.errors import SafeLRMError
from safelrm.reporting.page.document import Section, template
from safelrm.reporting.page.packed import cells
from safelrm.reporting.page.settings import Finding

# what a reader may not open or load
QUIET = {"raw_enabled": False, "file_insertion_enabled": False, "report_level": 5, "halt_level": 5}


def markdown(text: str) -> Markup:
    """HTML of a Markdown text; HTML in it is escaped."""
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))


def restructured(text: str) -> Markup:
    """HTML of a caption, which is reStructuredText; it can neither read files nor hold HTML."""
    return Markup(publish_parts(text.strip(), writer="html5", settings_overrides=QUIET)["body"])


def findings(given: Sequence[Finding], values: Sequence[Mapping[str, str]], figures: Mapping[str, str]) -> Section:
    """The findings, each with its numbers filled in, its figure and its caveat.

    Args:
        given: the findings.
        values: for each of them, its numbers as text, by name.
        figures: the captions of the study's figures by name.

    Raises:
        SafeLRMError: a sentence names a number that it does not have, or a figure that the study does not have.
    """
    filled = []
    for place, (finding, numbers) in enumerate(zip(given, values, strict=True)):
        key = f"report.findings[{place}]"
        try:
            says = finding.says.format(**numbers)
        except (KeyError, IndexError, ValueError) as error:
            raise SafeLRMError(
                f"`says` cannot be filled in ({error})", key=f"{key}.says", fix=f"name numbers of {sorted(numbers)}"
            ) from None
        if finding.figure is not None and finding.figure not in figures:
            raise SafeLRMError(f"no figure {finding.figure}", key=f"{key}.figure", fix=f"name one of {sorted(figures)}")
        filled.append({"says": says, "figure": finding.figure, "caveat": finding.caveat})
    return section("findings", "Findings", findings=filled, alt=alternatives(figures))


def alternatives(captions: Mapping[str, str]) -> dict[str, str]:
    """What is said of a figure to those who do not see it: the first sentence of its caption."""
    return {name: " ".join(caption.split()).partition(". ")[0].replace("``", "") for name, caption in captions.items()}


def section(id_: str, title: str, **given: object) -> Section:
    """A part of the page, by the template of its name."""
    return Section(id_, title, Markup(template(f"{id_}.html.j2").render(**given)))


def numbers(files: Iterable[Path]) -> list[dict[str, object]]:
    """CSV tables as a browser sorts and filters them.

    Returns:
        `name`, `columns`, `numeric` (whether a column holds numbers alone) and `rows`, one per table.
    """
    return [_table(path) for path in files]


def _table(path: Path) -> dict[str, object]:
    rows = pd.read_csv(path, keep_default_na=False, na_values=[""])
    return {
        "name": path.stem,
        "columns": [*rows.columns],
        "numeric": [pd.api.types.is_numeric_dtype(kind) for kind in rows.dtypes],
        "rows": [list(row) for row in zip(*(cells(rows[name]) for name in rows.columns), strict=True)],
    }
