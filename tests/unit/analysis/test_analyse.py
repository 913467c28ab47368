"""Trace analyses: what the stage gives a module, and each fault of a module as one error that names it."""

import json
import math

import pandas as pd
import pytest
from rollout_fixtures import rollouts

from safelrm.analysis import analyse as stage
from safelrm.analysis.schemas import ANALYSES
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS

ROWS = rollouts()
MEASURES = {"words": False, "depth": True}
MODULE = "my_plugin.my_analysis"
PLUGIN = """
from safelrm.core.settings import Strict
INPUTS = ("rollouts",)
MEASURES = {"words": {"description": "words", "unit": "words"}}
class Settings(Strict):
    factor: float = 1.0
def analyse(rollouts, settings):
    rows = rollouts[["model", "arm", "seed", "decoding", "benchmark", "prompt_id", "sample"]]
    words = rollouts.trace.str.split().str.len().fillna(0)
    return rows.assign(part="t", measure="words", value=words * settings.factor)
"""


def measured(measure: str = "words", part: str | None = "t", value: object = 1.0) -> pd.DataFrame:
    return ROWS[list(ROLLOUT_KEY)].assign(part=part, measure=measure, value=value)


GOOD = pd.concat([measured(), measured("depth", None, math.nan)], ignore_index=True)


def table(found: object) -> pd.DataFrame:
    return stage.analysis_table(ROWS, found, "mine", MEASURES, MODULE)


def test_rows_get_the_kind_of_their_rollouts_and_the_name_of_the_analysis():
    rows = table(GOOD.sample(frac=1, random_state=1))
    assert len(rows) == 2 * len(ROWS)
    assert set(rows.analysis) == {"mine"} and set(rows.kind) == {"benign"}
    assert set(rows[rows.measure == "depth"].part) == {"-"}
    assert list(rows.prompt_id.unique()) == sorted(ROWS.prompt_id)


def without(rows: pd.DataFrame, place: int) -> pd.DataFrame:
    return rows.drop(index=place)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "`analyse` returned NoneType"),
        ([1, 2], "`analyse` returned list"),
        (GOOD.drop(columns="value"), "returned the columns"),
        (GOOD.assign(more=1), "returned the columns"),
        (GOOD.iloc[:0], "returned no rows"),
        (GOOD.assign(part="trace"), "unknown parts ['trace']"),
        (pd.concat([GOOD, measured("height")]), "undeclared measures ['height']"),
        (measured(), "no rows of the measures ['depth']"),
        (GOOD.assign(value=[math.nan, *GOOD.value[1:]]), "1 values are NaN or None, for example of {'model': 'm'"),
        (GOOD.assign(value=[math.inf, *GOOD.value[1:]]), "1 values are infinite"),
        (GOOD.assign(value=["many", *GOOD.value[1:]]), "a value is no number"),
        (pd.concat([GOOD, GOOD.iloc[:1]]), "1 rollouts have several rows"),
        (without(GOOD, 0), "1 rollouts have no row, for example {'model': 'm'"),
        (GOOD.assign(prompt_id=["other", *GOOD.prompt_id[1:]]), "1 rows are of no rollout"),
        (GOOD.assign(seed="0"), "rows are of no rollout"),
    ],
)
def test_a_fault_of_an_analysis_is_one_error_that_names_its_module(found, said):
    with pytest.raises(SafeLRMError) as caught:
        table(found)
    text = str(caught.value)
    assert text.startswith(f"{MODULE}: ") and said in text and "\n  fix: " in text


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the stage with a module of this text, and gives the table."""
    monkeypatch.syspath_prepend(tmp_path)
    ROLLOUTS.write(tmp_path / "m/base/seed0.parquet", ROWS)

    def main(text: str = PLUGIN, name: str = "analysis_of_a_user", **settings: object) -> pd.DataFrame:
        (tmp_path / f"{name}.py").write_text(text)
        output = tmp_path / "mine/m.parquet"
        command = ["analyse", "--name", "mine", "--module", name, "--settings", json.dumps(settings)]
        command += ["--measures", '{"words": false}', "--rollouts", tmp_path / "m/base/seed0.parquet"]
        monkeypatch.setattr("sys.argv", [*map(str, command), "--verdicts", "--checkpoints", "--output", str(output)])
        stage.main()
        return ANALYSES.read(output)

    return main


def test_the_stage_runs_a_module_from_outside_the_package(run):
    rows = run(factor=2.0)
    assert list(rows.value) == [8.0, 16.0, 0.0, 2.0]


def test_a_module_that_does_not_exist_or_lacks_its_function_is_named(run):
    with pytest.raises(SafeLRMError, match="no_function: does not define"):
        run("MEASURES = {}\n", "no_function")
    with pytest.raises(SafeLRMError, match="there is no such module"):
        stage.load_registered("no_such_plugin.at_all", "analyse")


def test_an_import_that_fails_within_a_module_is_not_taken_for_the_module(run):
    with pytest.raises(SafeLRMError, match="no_such_library"):
        run("import no_such_library\n", "needs_more")


def test_an_analysis_may_ask_for_verdicts_and_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "verified_model", lambda manifest: manifest.parent / "model")
    found = stage._checkpoints(["base/0=c/m/base/seed0/manifest.json", "rl-x/3=c/m/rl-x/seed3/manifest.json"])
    assert {key: str(path) for key, path in found.items()} == {
        ("base", 0): "c/m/base/seed0/model",
        ("rl-x", 3): "c/m/rl-x/seed3/model",
    }
