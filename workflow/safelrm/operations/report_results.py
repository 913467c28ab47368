"""The results in a report: findings, figures, tables, claims, and all numbers with what is behind them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from safelrm.dag.paths import result_file
from safelrm.dag.plan import Plan
from safelrm.operations.behind import number_of
from safelrm.reporting.page.document import Section
from safelrm.reporting.page.sections import alternatives, findings, markdown, numbers, restructured, section


def parts(plan: Plan) -> tuple[list[Section], dict[str, object]]:
    """The sections of the results, and their data.

    Args:
        plan: the plan of the study, of which all results are there.

    Raises:
        SafeLRMError: a finding names a number, or a figure, that the study does not have.
    """
    captions = plan.captions()
    shown = [Path(path) for path in (*plan.results.targets(), *plan.tables.targets())]
    claims = [Path(path).read_text(encoding="utf-8") for path in plan.claims.targets()]
    sections = [
        _findings(plan, captions["figure"]),
        section(
            "figures",
            "Figures",
            figures={name: restructured(caption) for name, caption in captions["figure"].items()},
            alt=alternatives(captions["figure"]),
        ),
        section("tables", "Tables", tables=_as_in_papers(shown, captions["table"])),
        *(section("claims", "Claims", html=markdown(text)) for text in claims),
        section("numbers", "Numbers"),
    ]
    data = {
        "data-images": {path.stem: path.read_text(encoding="utf-8") for path in map(Path, plan.figures.targets())},
        "data-tables": numbers([*(path.with_suffix(".csv") for path in shown), *_other_tables(plan)]),
    }
    return sections, data


def _findings(plan: Plan, captions: Mapping[str, str]) -> Section:
    given = plan.study.report.findings
    folder = Path(result_file(plan.study.name, ""))
    values = [{name: number_of(asked, folder) for name, asked in each.numbers.items()} for each in given]
    return findings(given, values, captions)


def _as_in_papers(files: Sequence[Path], captions: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Tables with their captions, as HTML."""
    return {
        path.stem: {
            "caption": restructured(captions.get(path.stem, "")),
            "html": markdown(path.read_text(encoding="utf-8")),
        }
        for path in files
    }


def _other_tables(plan: Plan) -> list[Path]:
    """CSV files of the audit, of curation and of validations."""
    made = [*plan.data.targets(), *plan.curation.targets(), *plan.judging.targets(), *plan.classifiers.targets()]
    return [Path(path) for path in made if path.endswith(".csv")]
