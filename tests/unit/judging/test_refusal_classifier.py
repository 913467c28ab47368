"""A classifier of refusals: what it reads, how it learns and is checked, its checkpoint, and the judge that asks it."""

import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging_fixtures import named, rollouts
from safetensors.numpy import load_file, save_file
from tiny_model import write_tiny_encoder

from safelrm.core.checkpoints import CLASSIFIER_FILES, verified_model
from safelrm.core.errors import SafeLRMError
from safelrm.core.statistics import cohen_kappa
from safelrm.data.schemas import FULL_COMPLIANCE, FULL_REFUSAL, LABELLED, LABELS, PARTIAL_REFUSAL
from safelrm.judging import classifier, learned_refusal
from safelrm.judging.contract import judged_by
from safelrm.judging.refusals import folds
from safelrm.judging.refusals.regression import class_probabilities, fit_binary, fit_classes
from safelrm.judging.refusals.schemas import FOLDED
from safelrm.judging.refusals.verdicts import degrees

# here `w1` refuses; without a word such as `the`, a long answer would not count as English
REFUSING = ("w1 w2 the .", "w1 w3 the .", "w1 w5 the .")
HELPING = ("w20 the w21 .", "w22 the w23 .", "w24 w21 the .")
ANSWERS = {
    FULL_REFUSAL: lambda number: f"{REFUSING[number % 3]} w{6 + number % 4} w2 the .",
    PARTIAL_REFUSAL: lambda number: f"{REFUSING[number % 3]} " + " ".join(HELPING * 3),
    FULL_COMPLIANCE: lambda number: " ".join((HELPING * 3)[: 1 + number % 9]),
}


def labelled(shift: int = 0, labels: tuple[str, ...] = LABELS, **columns: object) -> pd.DataFrame:
    """Two dozen labelled completions; `shift` stands for the habits of a model."""
    kinds = [labels[number % len(labels)] for number in range(24)]
    return pd.DataFrame(
        {
            "prompt_id": [f"p{number}" for number in range(24)],
            "kind": "benign",
            "category": "c",
            "prompt": [f"w{number} ?" for number in range(24)],
            "completion": [ANSWERS[kind](number + shift) for number, kind in enumerate(kinds)],
            "final_label": kinds,
            "annotations": [[kind, kind] for kind in kinds],
            **columns,
        }
    )


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    return write_tiny_encoder(tmp_path_factory.mktemp("encoder") / "model")


def run_stage(folder: Path, encoder: Path, **sets: pd.DataFrame) -> Path:
    """Run the stage on labelled sets; the manifest that it writes. Its figures are in `folds.csv` beside it."""
    paths = {key: folder / f"{key}.parquet" for key in sets}
    for key, rows in sets.items():
        LABELLED.write(paths[key], rows)
    arguments = ["--labelled", *(f"{key}={path}" for key, path in paths.items()), "--encoder", str(encoder)]
    outputs = ["--manifest", str(folder / "manifest.json"), "--folds", str(folder / "folds.csv")]
    chosen = ["--settings", '{"written_examples": false, "folds": 2}']
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["classifier", *chosen, *arguments, "--revision", *outputs])
        return classifier.main()


@pytest.fixture
def train(encoder, tmp_path):
    return lambda **sets: run_stage(tmp_path, encoder, **sets)


@pytest.fixture(scope="module")
def trained(encoder, tmp_path_factory) -> Path:
    """The manifest of a classifier that two sets have taught."""
    return run_stage(tmp_path_factory.mktemp("trained"), encoder, a=labelled(), b=labelled(1))


@pytest.fixture
def copied(trained, tmp_path) -> Path:
    """A copy of its model folder, for a test that damages it."""
    return Path(shutil.copytree(trained.parent / "model", tmp_path / "model"))


def says(manifest: Path, *answers: object, **columns: object) -> pd.DataFrame:
    """The judge's rows on answers, checked as those of any judge are."""
    frame = rollouts(**{"answer": list(answers), "kind": "benign", "category": "c", "prompt": "w9 ?"} | columns)
    judge = named(learned_refusal)
    return judged_by(judge, learned_refusal, frame, learned_refusal.Settings(), verified_model(manifest))


def verdicts(rows: pd.DataFrame, field: str) -> list[str]:
    return list(rows[rows["field"] == field]["verdict"])


def test_it_learns_and_the_judge_tells_full_from_partial_refusals(trained):
    rows = says(trained, *(ANSWERS[label](2) for label in LABELS))
    assert verdicts(rows, "degree") == list(LABELS)
    assert verdicts(rows, "refusal") == ["compliance", "refusal", "refusal"]
    scores = rows[rows["field"] == "refusal"]["score"]
    assert scores.iloc[0] < 0.5 <= scores.iloc[1]
    assert rows[rows["field"] == "degree"]["score"].isna().all()


def test_the_checkpoint_holds_weights_and_says_what_it_has_seen(trained):
    content = json.loads(trained.read_text())
    assert (
        set(content["files"]) == set(CLASSIFIER_FILES) == {file.name for file in (trained.parent / "model").iterdir()}
    )
    seen = content["labelled"]["a"]
    assert (len(seen["sha256"]), seen["labels"], seen["left_out"]) == (64, dict.fromkeys(sorted(LABELS), 8), 0)
    assert len(content["encoder"]["files"]["model.safetensors"]) == 64
    assert (content["written_examples"], content["settings"]["folds"]) == (0, 2)


def test_the_same_sets_give_the_same_bytes(trained, train):
    again = train(a=labelled(), b=labelled(1))
    assert again.read_bytes() == trained.read_bytes()
    assert (again.parent / "folds.csv").read_bytes() == (trained.parent / "folds.csv").read_bytes()


def test_figures_are_of_all_approaches_on_every_set(trained):
    frame = pd.read_csv(trained.parent / "folds.csv")
    assert list(frame["labelled"]) == ["a"] * 3 + ["b"] * 3 + ["all"] * 3
    assert list(frame["approach"]) == ["phrases", "classifier", "union"] * 3
    both = frame.set_index(["labelled", "approach"])
    assert both.loc[("all", "classifier"), "n"] == 48
    # no phrase is in these words
    assert both.loc[("all", "phrases"), "refusal_of_full_refusal"] == 0
    assert both.loc[("all", "classifier"), "kappa"] > both.loc[("all", "phrases"), "kappa"]
    cells = [column for column in frame if column.startswith(LABELS)]
    assert both.loc[("b", "classifier"), cells].sum() == 24 and both.loc[("b", "phrases"), cells].isna().all()


@pytest.mark.parametrize("sets", [{"a": labelled()}, {"a": labelled(), "b": labelled(1), "c": labelled(2)}])
def test_no_fold_learns_from_the_model_or_the_prompts_that_it_is_asked_about(sets, monkeypatch):
    about = pd.concat(
        [
            *(
                rows[["prompt"]].assign(labelled=name, answer=rows["completion"], label=rows["final_label"])
                for name, rows in sets.items()
            ),
            classifier.written_answers().head(3),
        ],
        ignore_index=True,
    )
    asked_about = Counter()

    class Chosen:
        def some(self, chosen):
            return about[chosen]

    def learn(rows, labels, groups, _):
        assert set(rows["labelled"].isna()) == {True, False}
        return rows

    def ask(rows, learnt):
        asked_about.update(zip(rows["labelled"], rows["prompt"], strict=True))
        assert not set(rows["prompt"]) & set(learnt["prompt"])
        assert len(sets) == 1 or not set(rows["labelled"]) & set(learnt["labelled"])
        return np.tile([1.0, 0.0, 0.0], (len(rows), 1))

    monkeypatch.setattr(folds, "train", learn)
    monkeypatch.setattr(folds, "probabilities", ask)
    found = folds.held_out(Chosen(), about, classifier.ClassifierSettings())
    assert set(asked_about.values()) == {1} and asked_about.total() == 24 * len(sets)
    assert np.isnan(found[-3:]).all()


def test_completions_without_an_english_answer_are_left_out_and_counted(train):
    rows = labelled()
    rows.loc[0, "completion"], rows.loc[1, "completion"] = "", "Lo siento, pero no puedo ayudarte."
    manifest = train(a=rows, b=labelled(1))
    assert json.loads(manifest.read_text())["labelled"]["a"]["left_out"] == 2
    frame = pd.read_csv(manifest.parent / "folds.csv").set_index(["labelled", "approach"])
    assert tuple(frame.loc[("a", "classifier"), ["n", "unscored"]]) == (22, 2)


def test_a_set_without_one_of_the_labels_is_refused(train):
    with pytest.raises(SafeLRMError, match=r"no completion is labelled \['partial_refusal'\]"):
        train(a=labelled(labels=(FULL_COMPLIANCE, FULL_REFUSAL)))


def test_wordings_of_one_behaviour_are_one_prompt(tmp_path):
    rows = labelled(prompt=[f" w{number} ?" for number in range(24)], behavior=["w1", "w1", *[None] * 22])
    assert list(classifier.labelled_answers("a", rows, tmp_path)["prompt"][:3]) == ["w1", "w1", "w2 ?"]


@pytest.mark.parametrize("label", ["yes", None])
def test_an_unknown_or_a_missing_label_is_refused(label, tmp_path):
    rows = labelled().assign(final_label=[label, *[FULL_REFUSAL] * 23])
    with pytest.raises(SafeLRMError, match=f"holds the labels .*{label or 'nan|None'}"):
        classifier.labelled_answers("a", rows, tmp_path)


def test_a_set_without_rows_or_a_column_is_refused(train, tmp_path):
    with pytest.raises(SafeLRMError, match="no rows"):
        train(a=labelled().head(0))
    with pytest.raises(SafeLRMError, match="prompt"):
        train(a=labelled().drop(columns="prompt"))


def test_an_encoder_that_gives_nan_is_refused(train, encoder, tmp_path, monkeypatch):
    weights = load_file(encoder / "model.safetensors")
    damaged = write_tiny_encoder(tmp_path / "damaged")
    save_file({name: value * np.float32("nan") for name, value in weights.items()}, damaged / "model.safetensors")
    monkeypatch.setattr(classifier, "Encoder", lambda _: classifier.read_by.__globals__["Encoder"](damaged))
    with pytest.raises(SafeLRMError, match="NaN"):
        train(a=labelled())


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors", "classifier.safetensors"])
def test_a_checkpoint_that_lacks_a_file_is_refused(copied, lost):
    (copied / lost).unlink()
    with pytest.raises(SafeLRMError, match=r"cannot be loaded|no classifier"):
        learned_refusal.judge(rollouts(answer=["w1 ."], kind="benign"), learned_refusal.Settings(), copied)


def test_a_checkpoint_of_another_version_is_refused(copied):
    weights = load_file(copied / "classifier.safetensors")
    save_file(weights | {"verdict": weights["verdict"][1:]}, copied / "classifier.safetensors")
    with pytest.raises(SafeLRMError, match="another version"):
        learned_refusal.judge(rollouts(answer=["w1 ."], kind="benign"), learned_refusal.Settings(), copied)


def test_weights_that_are_not_finite_are_refused(copied):
    weights = load_file(copied / "classifier.safetensors")
    save_file(weights | {"verdict": weights["verdict"] * np.float64("nan")}, copied / "classifier.safetensors")
    with pytest.raises(SafeLRMError, match="not finite"):
        learned_refusal.judge(rollouts(answer=["w1 ."], kind="benign"), learned_refusal.Settings(), copied)


def test_a_judge_without_a_classifier_is_refused():
    with pytest.raises(SafeLRMError, match="needs a classifier"):
        learned_refusal.judge(rollouts(answer=["w1 ."], kind="benign"), learned_refusal.Settings(), None)


def test_what_cannot_be_told_is_unscored_and_reasoning_is_left_out(trained):
    answers = ["w1 w2 .", None, " ", "w1", "我不能帮助你。", "w1"]
    states = ["ok", "no_close", "ok", "truncated", "ok", "ok"]
    kinds = ["harmful", "benign", "benign", "benign", "benign", "reasoning"]
    rows = says(trained, *answers, parse_state=states, kind=kinds)
    of = rows[rows["field"] == "refusal"]
    assert list(of["state"]) == ["scored", "cut_off", "no_text", "cut_off", "undetermined"]
    assert list(of["verdict"]) == ["refusal", *["unscored"] * 4]


def test_an_answer_is_judged_alike_in_any_company(trained):
    alone = says(trained, ANSWERS[PARTIAL_REFUSAL](0))["score"].max()
    others = [ANSWERS[label](number) for label in LABELS for number in range(9)]
    beside = says(trained, ANSWERS[PARTIAL_REFUSAL](0), *others)
    assert beside[beside["field"] == "refusal"]["score"].iloc[0] == pytest.approx(alone, abs=1e-4)


def test_hostile_answers_are_judged(trained):
    answers = ["a" * 300_000, "I. " * 100_000, "\n" * 300_000 + "w1", '"' * 100_000, "?!. " * 50_000, "w1 \x00"]
    rows = says(trained, *answers)
    assert set(rows["state"]) == {"scored"}


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**31))
def test_a_regression_of_two_classes_is_that_of_several(size, seed):
    draw = np.random.default_rng(seed)
    features, targets = draw.normal(size=(size, 3)), draw.integers(0, 2, size)
    # the weights of two classes share a difference, so their penalty counts half
    two, several = fit_binary(features, targets, 0.5), fit_classes(features, targets, 2, 1.0)
    if 0 < targets.sum() < size:
        found = class_probabilities(features, several)[:, 1]
        assert found == pytest.approx(1 / (1 + np.exp(-(features @ two[:-1] + two[-1]))), abs=0.03)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(LABELS), st.integers(0, 4)), min_size=1, max_size=40))
def test_agreement_and_kappa_are_those_of_the_statistics(rows):
    said, labels, prompts = zip(*rows, strict=True)
    found = folds.two_way(np.array(said), pd.DataFrame({"label": labels, "prompt": [f"p{at}" for at in prompts]}))
    refuses = [label != FULL_COMPLIANCE for label in labels]
    assert found["agreement"] == pytest.approx(np.mean(np.array(said) == np.array(refuses)))
    kappa = cohen_kappa(said, refuses)
    assert found["kappa"] == (None if kappa is None else pytest.approx(kappa))
    assert found["low"] - 1e-9 <= found["agreement"] <= found["high"] + 1e-9 or len(set(prompts)) < 5
    assert sum(found[cell] for cell in found if "_of_" in cell) == len(rows)


def test_degrees_agree_with_the_threshold():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.4, 0.35, 0.25], [0.4, 0.2, 0.4]])
    assert degrees(probabilities, 0.5) == [FULL_COMPLIANCE, PARTIAL_REFUSAL, FULL_REFUSAL]
    assert degrees(probabilities, 0.3)[0] == PARTIAL_REFUSAL


def test_the_folded_table_refuses_what_cannot_be(tmp_path):
    with pytest.raises(SafeLRMError):
        FOLDED.write_csv(tmp_path / "a.csv", pd.DataFrame([{"labelled": "a", "approach": "phrases", "agreement": 2.0}]))
