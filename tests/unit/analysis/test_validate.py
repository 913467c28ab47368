"""Validation of judges: against labels of any kind and other judges, what is refused, and the known gold sets."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from safelrm.analysis import validate
from safelrm.analysis.settings import ValidationJobSettings
from safelrm.analysis.validation_schemas import CONFUSION, VALIDATION
from safelrm.analysis.validation_text import markdown
from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import FULL_COMPLIANCE, FULL_REFUSAL, LABELLED, LABELS, PARTIAL_REFUSAL
from safelrm.data.sources import xstest_labels
from safelrm.judging import refusal
from safelrm.judging.contract import NamedJudge, fields_of, judged_by
from safelrm.judging.judge_labelled import as_rollouts
from safelrm.judging.schemas import VERDICTS

REFUSAL = {"verdicts": ["refusal", "compliance"], "counts": "refusal", "direction": "lower"}
DEGREE = REFUSAL | {"verdicts": [*LABELS], "counts": FULL_REFUSAL}
SAFETY = {"verdicts": ["safe", "unsafe"], "counts": "safe", "direction": "higher", "score": "unsafe"}
TWO_WAY = {FULL_COMPLIANCE: "compliance", PARTIAL_REFUSAL: "refusal", FULL_REFUSAL: "refusal"}
SIZE = 40


def settings(**changes: object) -> ValidationJobSettings:
    given = {"judges": ["judge"], "labelled": ["set"], "labels": TWO_WAY, "bootstrap_samples": 50}
    return ValidationJobSettings.model_validate(given | {"fields": {"judge": REFUSAL}} | changes)


def a_set(labels: list[str | None], annotations: list[list[str | None]] | None = None, **columns: object):
    """Rows of LABELLED: each prompt has two completions."""
    rows = {
        "prompt_id": [f"p{number}" for number in range(len(labels))],
        "kind": "benign",
        "category": "c",
        "prompt": [f"Why {number // 2}?" for number in range(len(labels))],
        "completion": "So.",
        "final_label": pd.Series(labels, dtype=object),
        "annotations": annotations or [[] for _ in labels],
        "behavior": None,
    }
    return pd.DataFrame(rows | columns)


def said(verdicts: list[str], judge: str = "judge", scores: list[float] | None = None, **columns: object):
    """Rows of VERDICTS on the answers of a set."""
    fixed = {"model": "set", "arm": "labelled", "seed": 0, "decoding": "default", "benchmark": "set", "sample": 0}
    fixed |= {"kind": "benign", "category": "c", "judge": judge, "field": "refusal", "part": "y"}
    return pd.DataFrame(
        fixed
        | {
            "prompt_id": [f"p{number}" for number in range(len(verdicts))],
            "verdict": verdicts,
            "score": scores or [None] * len(verdicts),
            "state": ["cut_off" if verdict == "unscored" else "scored" for verdict in verdicts],
        }
        | columns
    ).astype({"score": "float64"})


def rows_of(texts, verdicts, **changes) -> pd.DataFrame:
    """The rows of VALIDATION, by comparison, measure and what it is of."""
    sets = texts if isinstance(texts, dict) else {"set": texts}
    rows, _ = validate.validation(sets, verdicts, settings(**changes))
    return rows.set_index(["texts", "comparison", "measure", "of"]).sort_index()


ANNOTATED = a_set(
    [FULL_REFUSAL, PARTIAL_REFUSAL, FULL_COMPLIANCE, FULL_COMPLIANCE] * (SIZE // 4),
    [[FULL_REFUSAL, FULL_REFUSAL], [PARTIAL_REFUSAL, FULL_REFUSAL], [FULL_COMPLIANCE] * 2, [FULL_COMPLIANCE, None]]
    * (SIZE // 4),
)
SAID = said(["refusal", "compliance", "compliance", "unscored"] * (SIZE // 4))


def test_a_judge_and_annotators_stand_side_by_side():
    rows = rows_of(ANNOTATED, SAID).loc["set"]
    judge = rows.loc["judge", "agreement", "-"]
    assert judge[["n", "unscored", "left_out", "prompts", "pairs", "agreed"]].tolist() == [30, 10, 0, 20, 30, 20]
    assert judge[["value", "least", "most"]].tolist() == [20 / 30, 20 / 40, 30 / 40]
    assert judge.low < judge.value < judge.high
    sensitivity = rows.loc["judge", "sensitivity", "refusal"]
    # under 30 completions no rate is claimed
    assert sensitivity[["n", "agreed"]].tolist() == [20, 10] and pd.isna(sensitivity.value)
    assert rows.loc["judge", "specificity", "compliance"].unscored == 0
    assert rows.loc["judge", "specificity", "refusal"].unscored == 10
    with_each = rows.loc["judge and annotators", "agreement", "-"]
    assert with_each[["n", "unscored", "pairs", "agreed"]].tolist() == [30, 10, 60, 40]
    both, all_labels = (rows.loc[name, "agreement", "-"] for name in ("annotators", "annotators, all labels"))
    assert both[["n", "left_out", "pairs", "agreed"]].tolist() == [30, 10, 30, 30]
    assert all_labels[["n", "agreed", "value"]].tolist() == [30, 20, 20 / 30]


def test_the_confusion_matrix_has_any_shape():
    _, cells = validate.validation({"set": ANNOTATED}, SAID, settings())
    counts = {(row.label, row.verdict): row.n for row in cells.itertuples()}
    assert counts == {
        (FULL_REFUSAL, "refusal"): 10,
        (PARTIAL_REFUSAL, "compliance"): 10,
        (FULL_COMPLIANCE, "compliance"): 10,
        (FULL_COMPLIANCE, "unscored"): 10,
    }


def test_three_verdicts_in_order_have_an_ordinal_alpha():
    verdicts = said([FULL_REFUSAL, FULL_REFUSAL, FULL_COMPLIANCE, PARTIAL_REFUSAL] * (SIZE // 4))
    changes = {"fields": {"judge": DEGREE}, "labels": {}}
    near = rows_of(ANNOTATED, verdicts, order=[*LABELS], **changes).loc["set", "judge", "alpha", "ordinal"]
    plain = rows_of(ANNOTATED, verdicts, **changes).loc["set", "judge", "alpha", "nominal"]
    # the judge errs by one step only
    assert 0 < plain.value < near.value < 1
    # labels that are verdicts are compared once
    assert "annotators, all labels" not in rows_of(ANNOTATED, verdicts, **changes).reset_index().comparison.unique()


def test_several_sets_are_also_shown_together_with_prompts_as_clusters():
    sets = {"set": ANNOTATED, "other": ANNOTATED.assign(annotations=[[label] for label in ANNOTATED.final_label])}
    verdicts = pd.concat([SAID, SAID.assign(model="other")])
    rows = rows_of(sets, verdicts, labelled=["set", "other"])
    together = rows.loc["all", "judge", "agreement", "-"]
    # both sets ask the same prompts
    assert together[["n", "prompts"]].tolist() == [60, 20]
    # one annotator cannot agree with himself
    assert "annotators" not in rows.loc["other"].index.get_level_values("comparison")
    assert rows.loc["all", "annotators", "agreement", "-"].n == 30


def test_labels_may_be_left_out_or_missing():
    labels = [FULL_REFUSAL, "odd", None, float("nan")] * (SIZE // 2)
    row = rows_of(a_set(labels), said(["refusal"] * 80), labels=TWO_WAY | {"odd": None})
    row = row.loc["set", "judge", "agreement", "-"]
    assert row[["n", "left_out"]].tolist() == [20, 60]


def test_a_kind_that_the_judge_does_not_judge_is_left_out():
    kinds = ["benign"] * 30 + ["harmful"] * 10
    verdicts = said(["refusal"] * 30)
    rows = rows_of(a_set([FULL_REFUSAL] * SIZE, kind=kinds), verdicts)
    row = rows.loc["set", "judge", "agreement", "-"]
    assert row[["n", "left_out", "value"]].tolist() == [30, 10, 1]
    # one label only: nothing can be said beyond chance
    assert rows.loc["set", "judge", ["kappa", "alpha"]].value.isna().all()


def test_scores_and_grades():
    grades = ["1", "2", "4", "5"] * (SIZE // 4)
    verdicts = said(["safe", "safe", "unsafe", "unsafe"] * (SIZE // 4), scores=[0.1, 0.2, 0.7, 0.9] * (SIZE // 4))
    changes = {"labels": {}, "threshold": 3.0, "fields": {"judge": SAFETY}}
    annotations = [[grade, str(float(grade))] for grade in grades]
    rows = rows_of(a_set(grades, annotations), verdicts, **changes).loc["set"]
    assert [rows.loc["judge", name, "unsafe"].value for name in ("auroc", "rank correlation")] == pytest.approx([1, 1])
    assert rows.loc["judge", "ece", "unsafe"].value == pytest.approx((0.1 + 0.2 + 0.3 + 0.1) / 4)
    # 4 and 4.0 are one grade
    of_annotators = rows.loc["annotators, all labels"]
    assert [of_annotators.loc[key].value for key in (("alpha", "interval"), ("agreement", "-"))] == [1, 1]
    with pytest.raises(SafeLRMError, match="label 'high' is no number"):
        rows_of(a_set(["high"] * 40), verdicts, **changes)


def test_a_judge_that_scores_nothing_has_no_numbers():
    rows = rows_of(ANNOTATED, said(["unscored"] * SIZE)).loc["set", "judge"]
    assert rows.value.isna().all() and rows.loc["agreement", "-"].unscored == SIZE


def test_judges_are_compared_on_the_rollouts_of_a_study():
    on = {"model": "m", "arm": "base", "benchmark": "b"}
    true = said([FULL_REFUSAL, PARTIAL_REFUSAL, FULL_COMPLIANCE, "unscored"] * 10, "reference", field="degree", **on)
    verdicts = pd.concat([SAID.assign(**on), true, SAID.assign(**on, seed=1), true.assign(seed=1)])
    changes = {"labelled": [], "reference": "reference.degree"}
    fields = {"judge": REFUSAL, "reference.degree": DEGREE}
    rows = rows_of({}, verdicts, **changes, fields=fields)
    row = rows.loc["m, base, default", "judge", "agreement", "-"]
    # what the reference cannot tell is left out
    assert row[["n", "left_out", "prompts", "agreed"]].tolist() == [60, 20, 30, 40]
    with pytest.raises(SafeLRMError, match="judges no kind of these prompts"):
        rows_of({}, pd.concat([SAID.assign(**on, kind="harmful"), true]), **changes, fields=fields)


@pytest.mark.parametrize(
    ("labels", "verdicts", "message"),
    [
        ([*ANNOTATED.final_label[:-1], "new"], SAID, "set: labels: the label 'new' is not one of"),
        (ANNOTATED.final_label, SAID[:-1], "1 texts have no verdict of judge"),
        (ANNOTATED.final_label[:-1], SAID, "1 texts have no verdict of judge, or its verdicts are on other texts"),
        (ANNOTATED.final_label, SAID.assign(judge="other"), "judge has no verdicts on the part y"),
        (ANNOTATED.final_label, SAID.assign(part="t"), "judge has no verdicts on the part y"),
        (ANNOTATED.final_label, SAID.assign(verdict="safe"), r"judge says \['safe'\], and declares \['refusal'"),
        (ANNOTATED.final_label, pd.concat([SAID, SAID.assign(field="tone")]), "several verdicts on one text"),
        (ANNOTATED.final_label, SAID.assign(model="other"), "40 texts have no verdict|80 texts have no verdict"),
    ],
)
def test_what_cannot_be_compared_is_refused(labels, verdicts, message):
    with pytest.raises(SafeLRMError, match=message):
        rows_of(a_set(list(labels)), verdicts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {"a": "refusal"}}, "fewer than two verdicts"),
        ({"labels": TWO_WAY | {"a": "safe"}}, r"stand for \['safe'\]"),
        ({"order": [FULL_REFUSAL]}, "name different labels"),
        ({"labels": {}, "order": ["a", "b"]}, "`order` must name the verdicts"),
        ({"labelled": []}, "either `labelled` or `reference`"),
        ({"threshold": 3.0}, "leave out `labels`"),
        ({"threshold": 3.0, "labels": {}}, "one score"),
        ({"judges": ["judge", "judge"]}, "each of `judges` once"),
        ({"labelled": [], "reference": "judge"}, "do not name the reference"),
        ({"labelled": ["all"]}, "`all` stands for all sets"),
        (
            {"labelled": [], "reference": "r", "fields": {"judge": REFUSAL, "r": SAFETY}},
            r"`r` says \['safe', 'unsafe'\], which `labels`",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)


def test_the_stage_writes_tables_and_a_page_whatever_the_order_of_its_rows(tmp_path, monkeypatch):
    def written(folder: Path, rows: pd.DataFrame, verdicts: pd.DataFrame) -> list[bytes]:
        LABELLED.write(folder / "set.parquet", rows)
        VERDICTS.write(folder / "judge/set.parquet", verdicts)
        paths = {"--output": "v.csv", "--confusion": "c.csv", "--markdown": "v.md"}
        arguments = ["--labelled", f"set={folder}/set.parquet", "--verdicts", f"{folder}/judge/set.parquet"]
        arguments += [text for option, name in paths.items() for text in (option, str(folder / name))]
        given = json.dumps(settings().model_dump(mode="json"))
        monkeypatch.setattr("sys.argv", ["validate", "--settings", given, *arguments])
        validate.main()
        return [(folder / name).read_bytes() for name in paths.values()]

    first = written(tmp_path / "one", ANNOTATED, SAID)
    assert first == written(tmp_path / "two", ANNOTATED[::-1], SAID.sample(frac=1.0, random_state=0))
    text = first[2].decode()
    assert "| `judge`, y | 30 | 10 | 0 | 0.667 [" in text and "(0.500 to 0.750)" in text
    assert "| annotators with each other, on all labels | 30 | 0 | 10 | 0.667 [" in text
    assert "| full_compliance | compliance | 0 | 10 | 10 |" in text


@pytest.mark.skipif("SAFELRM_REAL_DATA" not in os.environ, reason="SAFELRM_REAL_DATA names no folder of real data")
@pytest.mark.parametrize(
    ("model", "least", "annotators"),
    # agreement of a published string match, and completions on which both annotators agree
    [("gpt4", 0.936, 443), ("llama2new", 0.924, 431), ("mistralinstruct", 0.860, 439)],
)
def test_known_answers_on_real_files(model, least, annotators, tmp_path):
    path = Path(os.environ["SAFELRM_REAL_DATA"]) / f"xstest_human_labels_{model}.csv"
    rows = xstest_labels.load(xstest_labels.Settings(path=str(path)))
    judge = NamedJudge("judge", refusal.__name__, fields_of(refusal, refusal.Settings()))
    verdicts = judged_by(
        judge, refusal, as_rollouts(rows.assign(reference=None, behavior=None), "set"), refusal.Settings(), None
    )
    found, cells = validate.validation({"set": rows.assign(behavior=None)}, verdicts, settings())
    VALIDATION.write_csv(tmp_path / "v.csv", found)
    CONFUSION.write_csv(tmp_path / "c.csv", cells)
    assert "NaN" not in markdown(found, cells, settings())
    found = found.set_index(["comparison", "measure"])
    assert found.loc[("judge", "agreement"), "value"].item() >= least
    assert found.loc[("annotators, all labels", "agreement"), "agreed"].item() == annotators
