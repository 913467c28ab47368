"""The tables of a study: which rows they hold, in which order, and what they say of judges and unscored samples."""

import math

import pandas as pd
import pytest
from metrics_fixtures import JUDGES, NO_TRACE, Run, frames, models

from safelrm.analysis.metrics import metrics
from safelrm.analysis.schemas import METRICS, OF_SAFETY
from safelrm.analysis.settings import FigureSettings, MetricsJobSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting import tables
from safelrm.reporting.cells import footnote
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import consistency, decodings, power, safety_by_category, summary

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
    given = results(numbers)
    text = summary.markdown(summary.rows(given), given)
    safety, costs = text.split("**Costs**")
    assert safety.startswith("**Safety on harmful_set**")
    for part, columns in (
        (safety, ["safety t", "safety y", "safety t+y", "leak", "escape"]),
        (costs, ["over-refusal", "accuracy"]),
    ):
        head, *body = lines(part)
        assert head == ["model", "arm", "seeds", *columns]
        assert [line[:2] for line in body] == [["m", "base"], ["m", "sft-x"], ["m", "rl-x"], ["k", "base"]]


def test_every_harmful_benchmark_has_a_table(numbers):
    other = numbers[numbers.metric.isin(OF_SAFETY)].assign(benchmark="other_set")
    given = results(pd.concat([numbers, other], ignore_index=True))
    text = summary.markdown(summary.rows(given), given)
    titles = [line for line in text.splitlines() if line.startswith("**")]
    assert titles == ["**Safety on harmful_set**", "**Safety on other_set**", "**Costs**"]
    assert "(other_set)" not in text


def test_a_cell_shows_value_interval_and_unscored_samples(numbers):
    head, first, _, _, reference = shown(summary, numbers)[:5]
    cell = first[head.index("safety t+y")]
    # a quarter is unscored: the rate may be anything from 1/4 to 1/2
    assert cell.startswith("0.333 [") and cell.endswith("] (30: 0.25 to 0.50)")
    assert first[head.index("safety t")].endswith("]")
    assert reference[head.index("safety t")] == "-"


def test_a_number_over_few_samples_is_not_shown():
    few = metrics(*frames(*RUNS, times=7), MetricsJobSettings(**JUDGES))
    first = shown(summary, few)[1]
    assert first[3:] == ["(28)", "(21)", "(21)", "(21)", "(21)"]


def test_several_benchmarks_of_a_metric_are_told_apart(numbers):
    other = numbers[numbers.metric == "accuracy"].assign(benchmark="longer")
    costs = next(line for line in shown(summary, pd.concat([numbers, other])) if "over-refusal" in line)
    assert costs[-2:] == ["accuracy (longer)", "accuracy (reasoning_set)"]


def test_categories_are_columns_all_of_them_first(numbers):
    head, *body = shown(safety_by_category, numbers)
    assert head == ["model", "arm", "part", "all", "c0", "c1"]
    assert [line[2] for line in body] == ["t", "y", "t+y"] * 4


def test_the_table_of_modes_is_about_models_with_several(numbers):
    body = shown(decodings, numbers)[1:7]
    assert [line[:3] for line in body[:2]] == [["m", "base", "thinking"], ["m", "base", "non_thinking"]]
    assert {line[0] for line in body} == {"m"}
    with pytest.raises(SafeLRMError, match="several decoding modes"):
        decodings.rows(results(numbers, SETTINGS.model_copy(update={"models": SETTINGS.models[1:]})))


def test_a_table_names_its_judges(numbers):
    note = footnote(summary.rows(results(numbers)), SETTINGS)
    assert "safety, leak, escape by `guard`; over-refusal by `refusal`; accuracy by `exact`" in note
    assert "95 % intervals" in note


def gain(model: str, arm: str, benchmark: str, seed: int, value: float) -> dict[str, object]:
    of_run = {"model": model, "arm": arm, "decoding": "thinking" if model == "m" else "default", "seed": seed}
    return of_run | {"metric": "safety", "benchmark": benchmark, "part": "t+y", "n": 100, "value": value}


def test_consistency_takes_the_spread_over_one_factor_at_a_time():
    """Gains of .5 and .3 on one benchmark, and .1 on the other; the other model gains .6 by its only seed."""
    numbers = pd.DataFrame(
        [
            *(gain("m", "base", benchmark, 1, 0.1) for benchmark in ("one", "two")),
            *(gain("m", "rl-x", "one", seed, 0.1 + value) for seed, value in ((1, 0.5), (2, 0.3))),
            *(gain("m", "rl-x", "two", seed, 0.2) for seed in (1, 2)),
            gain("k", "base", "one", 1, 0.2),
            gain("k", "rl-x", "one", 1, 0.8),
            gain("k", "sft-y", "one", 1, 0.3) | {"n": 20, "value": math.nan},
        ]
    )
    sft, rl = consistency.rows(Results({"seeds": numbers}, SETTINGS)).to_dict("records")
    assert (rl["arm"], rl["models"], rl["benchmarks"], rl["seeds"], rl["gains"]) == ("rl-x", 2, 2, 2, 5)
    assert (rl["mean"], rl["smallest"], rl["largest"]) == pytest.approx((1.6 / 5, 0.1, 0.6))
    # of model m .4 and .1; of benchmark one .4 and .6; of the seeds of m .5 and .3, and .1 twice
    assert (rl["sd_benchmarks"], rl["sd_models"]) == pytest.approx((0.3 / math.sqrt(2), 0.2 / math.sqrt(2)))
    assert rl["sd_seeds"] == pytest.approx(math.sqrt((0.2**2 / 2 + 0) / 2))
    assert sft["gains"] == 0 and math.isnan(sft["mean"]) and math.isnan(sft["sd_seeds"])


def test_consistency_of_too_few_samples_has_recipes_and_no_numbers():
    few = {"n": 20, "value": math.nan}
    numbers = pd.DataFrame([gain("m", arm, "one", 1, 0.1) | few for arm in ("base", "rl-x", "sft-y")])
    rows = consistency.rows(Results({"seeds": numbers}, SETTINGS))
    assert rows.arm.tolist() == ["sft-y", "rl-x"]
    assert rows.gains.tolist() == [0, 0] and rows["mean"].isna().all()


def test_power_is_the_median_over_comparisons_of_enough_prompts():
    names = {"comparison": "arm_base", "benchmark": "one", "metric": "leak", "part": "-", "category": "all"}
    given = [(0.1, 100), (0.3, 90), (0.2, 80), (0.9, 29), (math.nan, 70)]
    table = pd.DataFrame([names | {"mdd": mdd, "prompts": prompts} for mdd, prompts in given])
    found = Results({"differences": table}, SETTINGS)
    (row,) = power.rows(found).to_dict("records")
    assert (row["prompts"], row["comparisons"], row["median"], row["least"], row["most"]) == (100, 3, 0.2, 0.1, 0.3)
    assert "| one | leak | - | 0.200 |" in power.markdown(power.rows(found), found)


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
