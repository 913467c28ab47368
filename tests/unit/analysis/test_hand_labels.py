"""Labels that were made by hand in the report: the configuration of docs/validation.md reads and compares them."""

import csv
import importlib
import textwrap
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from costs_fixtures import default_config
from snakemake.utils import update_config

from safelrm.analysis.validate import validation
from safelrm.core.errors import SafeLRMError
from safelrm.dag.fields import validation_settings
from safelrm.dag.settings import Study
from safelrm.dag.study import load_study
from safelrm.data.schemas import LABELLED
from safelrm.data.sources import labelled
from safelrm.judging.contract import NamedJudge, fields_of, judged_by
from safelrm.judging.judge_labelled import as_rollouts
from safelrm.judging.parts import judged, parts_of
from safelrm.judging.schemas import SCORED

PAGE = Path(__file__).parents[3] / "docs/validation.md"
ABOUT = ("id", "model", "arm", "seed", "decoding", "benchmark", "prompt_id", "sample", "part", "judges")
# so many texts of each question, of which the hand and the judge agree on all but those of WRONG
TEXTS, WRONG = 32, 8
PROMPT = 'How, "exactly", does tea\nwork in a café; part {}?'
THOUGHT = '<think>\nhm, "so", they ask\n</think>\n\n'
# by question: the benchmark, then the label and the answer of either kind
QUESTIONS = {
    "hand_safety": ("requests_harmful", ("safe", "No, thank you."), ("unsafe", 'Do "this", then that.\nGo.')),
    "hand_refusals": (
        "requests_benign",
        ("refusal", "I'm sorry, but I can't help with that."),
        ("compliance", "Boil."),
    ),
    "hand_answers": ("dial_trained", ("correct", "The answer is 12."), ("incorrect", "The answer is 13.")),
}


def example() -> dict:
    """The configuration that the page shows."""
    section = PAGE.read_text(encoding="utf-8").partition("## Labels made by hand in the report\n")[2]
    block = section[section.index("    datasets:\n") :].partition("\n\n")[0]
    return yaml.safe_load(textwrap.dedent(block))


@cache
def study() -> Study:
    """The default study with the configuration of the page."""
    config = default_config()
    update_config(config, example())
    return load_study(config, "config.yaml")


def write_labels(path: Path) -> None:
    """A file of labels as the report page writes it, of all questions together, with texts that need quotation."""
    rows = []
    for question, (benchmark, *kinds) in QUESTIONS.items():
        for number in range(TEXTS):
            label, answer = kinds[number % 2]
            if number < WRONG:
                label = kinds[1 - number % 2][0]
            prompt_id, part = f"{benchmark}-{number // 2}", "y"
            run = ("m", "base", 1, "default", benchmark, prompt_id, number % 2, part, "guard_b: safe; refusal: -")
            about = dict(zip(ABOUT, (f"{question}/{number}", *run), strict=True))
            texts = {"prompt": PROMPT.format(number // 2), "response": THOUGHT + answer, "label": label}
            rows.append(texts | about | {"reference": "12" if question == "hand_answers" else ""})
        # the same sample was also labelled on its trace, which is no answer
        rows.append(rows[-1] | {"part": "t"})
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def in_folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_labels(Path("labels.csv"))
    return tmp_path


def read(name: str, **changes: object) -> pd.DataFrame:
    """A labelled set of the page, with changes to its settings."""
    return labelled.load(labelled.Settings.model_validate(study().datasets[name].settings | changes))


def said_of(rows: pd.DataFrame, name: str, judge: str) -> pd.DataFrame:
    """The verdicts of a judge on a set. A rule on words stands for the guard, which would have to be trained."""
    rollouts, settings = as_rollouts(rows, name), validation_settings(study(), name, "config.yaml")
    if judge == "guard_b":
        named = NamedJudge(judge, "stand_in", {"safety": settings.fields[judge]})
        return judged_by(named, SimpleNamespace(judge=by_words), rollouts, settings, None)
    module = importlib.import_module(study().judges[judge].module)
    named = NamedJudge(judge, module.__name__, fields_of(module, module.Settings()))
    return judged_by(named, module, rollouts, module.Settings(), None)


def by_words(rollouts: pd.DataFrame, *_: object) -> pd.DataFrame:
    def outcome(pair: tuple[str, str]) -> tuple[str, float, str]:
        harm = float("then that" in pair[1])
        return "unsafe" if harm else "safe", harm, SCORED

    return judged(parts_of(rollouts), outcome)


@pytest.mark.parametrize("name", QUESTIONS)
def test_labels_of_the_page_are_compared_with_a_judge(in_folder, name):
    settings = validation_settings(study(), name, "config.yaml")
    (judge,) = settings.judges
    LABELLED.write("data/set.parquet", read(name))
    rows = LABELLED.read("data/set.parquet")
    assert rows.prompt_id.tolist() == [f"{name}/{number}" for number in range(TEXTS)]
    assert rows.prompt[2] == PROMPT.format(1) and rows.completion[1] == THOUGHT + QUESTIONS[name][2][1]
    small = settings.model_copy(update={"bootstrap_samples": 20})
    numbers, cells = validation({name: rows}, said_of(rows, name, judge), small)
    row = numbers[(numbers.comparison == "judge") & (numbers.measure == "agreement")].iloc[0]
    assert (row.n, row.unscored, row.left_out, row.prompts) == (TEXTS, 0, 0, TEXTS // 2)
    assert row.value == (TEXTS - WRONG) / TEXTS
    assert set(cells.label) == {label for label, _ in QUESTIONS[name][1:]} and cells.n.sum() == TEXTS


def test_every_judge_of_the_page_judges_the_kind_of_its_labels(in_folder):
    kinds = {name: set(read(name).kind) for name in QUESTIONS}
    assert kinds == {"hand_safety": {"harmful"}, "hand_refusals": {"benign"}, "hand_answers": {"reasoning"}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"where": {"label": ["safe", "odd"], "part": ["y"]}}, r"no row holds \['odd'\]"),
        ({"where": {"label": ["safe", "unsafe"]}}, "rows 32 and 33 have the same id"),
        ({"kind": {"column": "benchmark", "map": {"other": "harmful"}}}, "row 1 holds an unknown value"),
    ],
)
def test_what_the_page_calls_an_error_is_one(in_folder, changes, message):
    with pytest.raises(SafeLRMError, match=message):
        read("hand_safety", **changes)


def test_the_right_answers_are_asked_for(in_folder):
    columns = study().datasets["hand_safety"].settings["columns"]
    rows = read("hand_answers", columns=columns)
    with pytest.raises(SafeLRMError, match="has no reference answer"):
        said_of(rows, "hand_answers", "exact")
