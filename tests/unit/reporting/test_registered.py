"""Figures and tables of a user: the commands run their modules, and name them where they are at fault."""

import pandas as pd
import pytest
from metrics_fixtures import JUDGES, Run, frames, models

from safelrm.analysis.metrics import metrics
from safelrm.analysis.schemas import METRICS
from safelrm.analysis.settings import FigureSettings, MetricsJobSettings
from safelrm.core.errors import SafeLRMError
from safelrm.models.schemas import CURVES
from safelrm.reporting import figures, tables

STUDY = FigureSettings(models=models(m=["default"]), confidence=0.95)
FIGURE = """
import matplotlib.pyplot as plt
def draw(results):
    figure, axes = plt.subplots()
    axes.plot(results["curves"].value)
    return figure
"""
TABLE = """
from safelrm.core.settings import Strict
class Settings(Strict):
    part: str
def rows(results, settings):
    return results.metrics.query("part == @settings.part")[["model", "arm", "metric", "seeds", "value"]]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    rows = metrics(*frames(Run()), MetricsJobSettings(**JUDGES))
    METRICS.write(tmp_path / "metrics.parquet", rows)
    curve = pd.DataFrame({"step": [1, 2], "metric": "loss", "value": [2.0, 1.0]})
    CURVES.write(tmp_path / "training/m/sft-x/seed3.parquet", curve)
    return tmp_path


@pytest.fixture
def run(folder, monkeypatch):
    """Runs a command with a module of this text."""

    def main(command, name: str, text: str, *options: str) -> None:
        (folder / f"{name}.py").write_text(text)
        kinds = ("svg", "pdf", "png") if command is figures else ("csv", "markdown")
        outputs = [part for kind in kinds for part in (f"--{kind}", str(folder / f"{name}.{kind}"))]
        arguments = ["--module", name, "--settings", STUDY.model_dump_json(), *options, *outputs]
        monkeypatch.setattr("sys.argv", ["command", *arguments])
        command.main()

    return main


@pytest.fixture
def given(folder):
    return ("--inputs", "metrics:1", "--files", str(folder / "metrics.parquet"))


def test_a_figure_of_a_user_is_drawn_from_training_curves(run, folder):
    curve = str(folder / "training/m/sft-x/seed3.parquet")
    run(figures, "curves_of_a_user", FIGURE, "--inputs", "curves:1", "--files", curve)
    assert (folder / "curves_of_a_user.svg").read_text().startswith("<?xml")


def test_training_curves_say_whose_they_are(run, folder):
    text = FIGURE.replace(
        "    figure,", '    assert list(results["curves"].iloc[0]) == [1, "loss", 2.0, "m", "sft-x", 3]\n    figure,'
    )
    run(
        figures, "whose_curves", text, "--inputs", "curves:1", "--files", str(folder / "training/m/sft-x/seed3.parquet")
    )


def test_a_table_of_a_user_has_settings_and_plain_markdown(run, folder, given):
    run(tables, "table_of_a_user", TABLE, "--module-settings", '{"part": "t+y"}', *given)
    assert list(pd.read_csv(folder / "table_of_a_user.csv").metric.unique()) == ["safety", "safety_score"]
    head, _, first, *_ = (folder / "table_of_a_user.markdown").read_text().splitlines()
    assert head == "| model | arm | metric | seeds | value |"
    assert first == "| m | base | safety | 1 | 0.333 |"


@pytest.mark.parametrize(
    ("command", "text", "said"),
    [
        (figures, "def draw(results):\n    pass\n", "`draw` returned NoneType"),
        (figures, "def draw(results):\n    return results['samples']\n", "INPUTS: uses `samples`"),
        (figures, "draw = 1\n", "does not define ['draw']"),
        (tables, "def rows(results):\n    pass\n", "`rows` returned NoneType"),
        (tables, "def rows(results):\n    return results.metrics.iloc[:0]\n", "`rows` returned no rows"),
        (
            tables,
            "def rows(results):\n    return results.metrics.assign(value=float('inf'))\n",
            "infinite values in ['value']",
        ),
        (
            tables,
            "def rows(results):\n    return results.metrics.rename(columns={'n': 'low'})\n",
            "several columns ['low']",
        ),
        (
            tables,
            "def rows(results):\n    return results.metrics\ndef markdown(rows, results):\n    pass\n",
            "`markdown` returned",
        ),
    ],
)
def test_a_fault_is_one_error_that_names_the_module(run, folder, given, command, text, said):
    name = f"faulty_{abs(hash(text))}"
    with pytest.raises(SafeLRMError) as caught:
        run(command, name, text, *given)
    assert str(caught.value).startswith(f"{name}: ")
    assert said in str(caught.value) and "\n  fix: " in str(caught.value)
    assert not list(folder.glob(f"{name}.[!p]*"))


@pytest.mark.parametrize("inputs", [["metrics"], ["metrics:2"], ["nothing:1"], ["metrics:1", "samples:1"]])
def test_inputs_and_files_must_agree(run, folder, inputs):
    with pytest.raises(SafeLRMError, match=r"--(inputs|files)"):
        run(tables, "of_other_inputs", TABLE, "--inputs", *inputs, "--files", str(folder / "metrics.parquet"))
