"""The tables of a study: which rows they hold, in which order, and what they say of judges and unscored samples."""

import pandas as pd
import pytest
from metrics_fixtures import JUDGES, NO_TRACE, Run, frames, models

from safelrm.analysis.metrics import metrics
from safelrm.analysis.schemas import METRICS
from safelrm.analysis.settings import FigureSettings, MetricsJobSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting import tables
from safelrm.reporting.cells import footnote
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import decodings, safety_by_category, summary

# not in the order of the alphabet, so that the configured order shows
SETTINGS = FigureSettings(models=models(m=["thinking", "non_thinking"], k=["default"]), confidence=0.95)
RUNS = [
    Run(arm, seed, "m", mode, **({} if mode == "thinking" else {"harmful": NO_TRACE}))
    for arm, seed in (("rl-x", 1), ("sft-x", 1), ("base", 0))
    for mode in ("non_thinking", "thinking")
] + [Run(model="k", harmful=NO_TRACE)]


@pytest.fixture(scope="module")
def numbers() -> pd.DataFrame:
    return metrics(*frames(*RUNS), MetricsJobSettings(**JUDGES))


def results(numbers: pd.DataFrame, study: FigureSettings = SETTINGS) -> Results:
    return Results({"metrics": numbers}, study)


def shown(module, numbers: pd.DataFrame) -> list[list[str]]:
    """The cells of each line of a table's Markdown."""
    given = results(numbers)
    return lines(module.markdown(module.rows(given), given))


def lines(markdown: str) -> list[list[str]]:
    """The cells of each line of a Markdown table, without the rule under its head."""
    rows = [line.strip("|").split("|") for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if set(row[0].strip()) != {"-"}]


def test_the_summary_has_a_line_per_arm_of_the_first_mode(numbers):
    rows = summary.rows(results(numbers))
    assert set(zip(rows.model, rows.decoding, strict=True)) == {("m", "thinking"), ("k", "default")}
    head, *body = shown(summary, numbers)
    assert head[3:] == ["safety t", "safety y", "safety t+y", "leak", "escape", "over-refusal", "accuracy"]
    assert [line[:2] for line in body] == [["m", "base"], ["m", "sft-x"], ["m", "rl-x"], ["k", "base"]]


def test_a_cell_shows_value_interval_and_unscored_samples(numbers):
    head, first, *_, reference = shown(summary, numbers)
    assert first[head.index("safety t+y")].startswith("0.333 [")
    assert first[head.index("safety t+y")].endswith("] (1)")
    assert first[head.index("accuracy")].endswith("]")
    assert reference[head.index("safety t")] == "-"


def test_several_benchmarks_of_a_metric_are_told_apart(numbers):
    other = numbers[numbers.metric == "accuracy"].assign(benchmark="longer")
    assert shown(summary, pd.concat([numbers, other]))[0][-2:] == ["accuracy (longer)", "accuracy (reasoning_set)"]


def test_categories_are_columns_all_of_them_first(numbers):
    head, *body = shown(safety_by_category, numbers)
    assert head == ["model", "arm", "part", "all", "c0", "c1"]
    assert [line[2] for line in body] == ["t", "y", "t+y"] * 4


def test_the_table_of_modes_is_about_models_with_several(numbers):
    body = shown(decodings, numbers)[1:]
    assert [line[:3] for line in body[:2]] == [["m", "base", "thinking"], ["m", "base", "non_thinking"]]
    assert {line[0] for line in body} == {"m"}
    with pytest.raises(SafeLRMError, match="several decoding modes"):
        decodings.rows(results(numbers, SETTINGS.model_copy(update={"models": SETTINGS.models[1:]})))


def test_a_table_names_its_judges(numbers):
    note = footnote(summary.rows(results(numbers)), SETTINGS)
    assert "safety, leak, escape by `guard`; over-refusal by `refusal`; accuracy by `exact`" in note
    assert "95 % intervals" in note


def test_the_stage_writes_the_same_bytes_for_the_same_numbers(numbers, tmp_path, monkeypatch):
    METRICS.write(tmp_path / "metrics.parquet", numbers)
    written = []
    for name in ("one", "two"):
        paths = [tmp_path / f"{name}.csv", tmp_path / f"{name}.md"]
        command = ["tables", "--settings", SETTINGS.model_dump_json(), "--module", "safelrm.reporting.sheets.summary"]
        command += ["--inputs", "metrics:1", "--files", tmp_path / "metrics.parquet"]
        command += ["--csv", paths[0], "--markdown", paths[1]]
        monkeypatch.setattr("sys.argv", list(map(str, command)))
        tables.main()
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]
    shown = [name for name in METRICS.schema.names if name not in METRICS.not_in_csv]
    assert list(pd.read_csv(tmp_path / "one.csv").columns) == shown
