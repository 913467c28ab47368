"""Write the report of a study: one HTML file that opens without a network, and pages with more transcripts beside it.

    python -m safelrm report                          writes results/<study>/report.html from finished results
    python -m safelrm report --configfiles config.yaml experiments/nano_controls.yaml --output controls.html

The report holds findings, figures, tables with what is behind each number, claims, transcripts with the verdicts of all
judges, disagreements to label by hand, the audit, the configuration and times. What models have written is shown as
text alone, and what a judge calls unsafe is folded.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from safelrm.core.cli import run
from safelrm.core.files import write_text
from safelrm.dag.command import config_of, configured_parser, plan_of
from safelrm.dag.plan import Plan
from safelrm.dag.progress import read_times
from safelrm.dag.protocol import protocol
from safelrm.dag.reports import input_files
from safelrm.operations import report_results, report_transcripts
from safelrm.operations.behind import behind
from safelrm.operations.machine import hardware, versions
from safelrm.operations.record import without_secrets
from safelrm.reporting.page.document import Section, document
from safelrm.reporting.page.sections import section
from safelrm.reporting.page.transcripts import pages

TIMINGS = Path("logs/timings.jsonl")


def report(plan: Plan, options: str, configuration: Mapping[str, object], output: Path) -> None:
    """Write the report, and pages with the transcripts that it does not hold.

    Args:
        plan: the plan of the study, of which all results are there.
        options: those of a command line that name its configuration.
        configuration: that configuration.
        output: the file to write; the pages lie beside it, in a folder of its name.

    Raises:
        SafeLRMError: a result is missing or damaged, or a finding names a number that the study does not have.
    """
    files, title = input_files(plan.study), plan.study.report.title or f"Study {plan.study.name}"
    held = pages([Path(path) for path in files["rollouts"]], plan.study.report.megabytes)
    names = [f"{output.stem}/transcripts-{place}.html" for place in range(2, len(held) + 1)]
    about = f"Made by SafeLRM from the results of the study {plan.study.name}. Rates are between 0 and 1."
    sections, data = report_results.parts(plan)
    browser, transcripts = report_transcripts.parts(plan, files, held[0], _held(held, 0), names)
    said = [*_configured(plan, configuration), section("times", "Times", rows=_times(TIMINGS))]
    data |= transcripts | {"data-provenance": behind(plan, options)}
    write_text(output, document(title, about, [*sections, *browser, *said], data))
    shutil.rmtree(output.with_suffix(""), ignore_errors=True)
    for place, name in enumerate(names, 1):
        links = [f"../{output.name}", *(Path(other).name for other in names if other != name)]
        browser, transcripts = report_transcripts.parts(plan, files, held[place], _held(held, place), links)
        write_text(output.parent / name, document(f"{title}: more transcripts", about, browser, transcripts))


def _held(pages_: Sequence[Sequence], place: int) -> str:
    """Which prompts a page has."""
    every = sum(map(len, pages_))
    if len(pages_) == 1:
        return f"All {every} prompts, with what every arm, seed and decoding mode answered."
    of = f"{len(pages_[place])} of {every} prompts, drawn at random"
    return f"{of}, with what every arm, seed and decoding mode answered."


def _configured(plan: Plan, configuration: Mapping[str, object]) -> list[Section]:
    """The configuration and the environment."""
    given = yaml.safe_dump(without_secrets(dict(configuration)), sort_keys=False, allow_unicode=True, width=110)
    machine = yaml.safe_dump({"lock": plan.study.lock, **versions(), **hardware(0)}, sort_keys=False)
    text = protocol(plan.study).replace("``", "")
    return [section("configuration", "Configuration", protocol=text, configuration=given, environment=machine)]


def _times(file: Path) -> list[dict[str, object]]:
    """What the jobs of each stage took."""
    if not file.is_file():
        return []
    of_stage = read_times(file, ("seconds",)).groupby("stage").seconds
    told = of_stage.agg(jobs="size", minutes=lambda seconds: seconds.sum() / 60, median="median")
    return told.sort_values("minutes", ascending=False).reset_index().to_dict("records")


def main() -> None:
    """Run the command."""
    parser = configured_parser(__doc__)
    parser.add_argument("--output", type=Path, help="HTML file to write; results/<study>/report.html if left out")
    arguments = parser.parse_args()
    plan = plan_of(arguments)
    given = [("--configfiles", arguments.configfiles), ("--config", arguments.config)]
    options = "".join(f" {name} {' '.join(values)}" for name, values in given if values and values != ["config.yaml"])
    report(plan, options, config_of(arguments), arguments.output or Path(plan.report_file()))


if __name__ == "__main__":
    run(main)
