"""A judge from outside and its mistakes: each is one error that names the judge, its module and what to mend."""

from types import ModuleType

import pandas as pd
import pytest
from damage_fixtures import rollouts, verdicts

from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Strict
from safelrm.judging.contract import NamedJudge, fields_of, judged_by
from safelrm.judging.schemas import VERDICTS

FIELDS = {
    "harm": {"verdicts": ["harmless", "harmful"], "counts": "harmful", "direction": "lower", "score": "harmful"},
    "tone": {"verdicts": ["kind", "flat", "rude"], "counts": "kind", "direction": "higher"},
}
ROLLOUTS = rollouts()


class Settings(Strict):
    """None."""


def right() -> pd.DataFrame:
    """Rows on the answers of all rollouts, as they must be."""
    rows = verdicts(ROLLOUTS)
    rows = rows[rows.part == "y"].drop(columns=["kind", "category", "judge"]).reset_index(drop=True)
    harm = rows.assign(field="harm", verdict="harmful", score=0.75)
    tone = rows.assign(field="tone", verdict="rude", score=None)
    return pd.concat([tone, harm], ignore_index=True).astype({"score": "float64"})


def judged(given: object, fields: object = FIELDS) -> pd.DataFrame:
    module = ModuleType("my.judge")
    module.Settings, module.judge = Settings, given if callable(given) else lambda *_: given
    if fields is not None:
        module.FIELDS = fields
    named = NamedJudge("mine", "my.judge", fields_of(module, Settings()))
    return judged_by(named, module, ROLLOUTS, Settings(), None)


def changed(column: str, value: object, place: int = 0) -> pd.DataFrame:
    rows = right().astype({column: object})
    rows.loc[place, column] = value
    return rows


def test_a_judge_of_several_fields(tmp_path):
    table = judged(right())
    assert list(table.field.unique()) == ["harm", "tone"] and len(table) == 12
    assert list(table.field[:2]) == ["harm", "tone"] and table.prompt_id[0] == table.prompt_id[1]
    assert table.score[table.field == "tone"].isna().all()
    path = tmp_path / "mine/m.parquet"
    VERDICTS.write(path, table)
    assert len(VERDICTS.read(path)) == 12


def test_a_judge_of_one_field_need_not_name_it_and_one_without_scores_gives_none():
    rows = right()
    rows = rows[rows.field == "tone"].drop(columns=["field", "score"])
    table = judged(rows, {"tone": FIELDS["tone"]})
    assert set(table.field) == {"tone"} and table.score.isna().all()


def raising(*_):
    raise ZeroDivisionError("division by zero")


MISTAKES = {
    "returns nothing": (None, "returns NoneType, not a pandas.DataFrame"),
    "returns a list": ([], "returns list"),
    "raises": (raising, "stopped with ZeroDivisionError: division by zero"),
    "lacks a column": (right().drop(columns="state"), r"lack the columns \['state'\]"),
    "lacks the field": (right().drop(columns="field"), r"lack the columns \['field'\]"),
    "lacks scores": (right().drop(columns="score"), r"lack the columns \['score'\]"),
    "adds a column": (right().assign(reason="x"), r"unknown columns \['reason'\]"),
    "unknown field": (changed("field", "help"), r"gives \['help'\], but a field is one of \['harm', 'tone'\]"),
    "field missing": (changed("field", None), "but a field is one of"),
    "verdict not declared": (
        changed("verdict", "safe"),
        r"gives \['safe'\], but a verdict of the field `tone` is one of \['kind', 'flat', 'rude', 'unscored'\]",
    ),
    "verdict of another field": (
        changed("verdict", "harmful"),
        r"gives \['harmful'\], but a verdict of the field `tone`",
    ),
    "verdict missing": (changed("verdict", None), "but a verdict of the field `tone`"),
    "unknown part": (changed("part", "z"), r"gives \['z'\], but a part is one of"),
    "unknown state": (changed("state", "fine"), r"gives \['fine'\], but a state is one of"),
    "score NaN": (changed("score", float("nan"), 6), "1 of 6 scored parts have no score, or NaN"),
    "score too high": (changed("score", 1.5, 6), r"must be in \[0, 1\]"),
    "score infinite": (changed("score", float("inf"), 6), r"must be in \[0, 1\]"),
    "score no number": (changed("score", "high", 6), "a score is not a number"),
    "score not declared": (changed("score", 0.5), "the field `tone` declares no `score`, but 1 are given"),
    "scored without verdict": (changed("verdict", "unscored"), "what is scored has a verdict"),
    "verdict without being scored": (changed("state", "no_text"), "what is not scored is unscored or incorrect"),
    "the same twice": (pd.concat([right(), right()[:2]]), "2 rows say something again"),
    "on no rollout": (changed("prompt_id", "p99"), "1 verdicts are on no rollout"),
    "keys of another type": (right().astype({"seed": str}), "cannot be laid on the rollouts"),
    "leaves a rollout out": (right().drop(index=0), "1 parts of rollouts have no verdict, for example .*'p0'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_the_judge_its_module_and_the_fix(mistake):
    given, said = MISTAKES[mistake]
    with pytest.raises(SafeLRMError, match=said) as caught:
        judged(given)
    assert caught.value.file == "judge mine"
    assert "module my.judge: correct it" in caught.value.fix


def test_a_judge_that_finds_nothing_is_named():
    with pytest.raises(SafeLRMError, match="nothing to judge") as caught:
        judged(right()[:0])
    assert caught.value.file == "judge mine" and "my.judge" in caught.value.fix


def test_where_a_judge_stopped_is_shown(capfd):
    with pytest.raises(SafeLRMError):
        judged(raising)
    assert "in raising" in capfd.readouterr().err


def test_a_judges_own_error_stays_as_it_is():
    def careful(*_):
        raise SafeLRMError("asks nobody", key="model", fix="name one")

    with pytest.raises(SafeLRMError, match="asks nobody") as caught:
        judged(careful)
    assert (caught.value.file, caught.value.key, caught.value.fix) == ("judge mine", "model", "name one")


@pytest.mark.parametrize(
    ("fields", "key", "said"),
    [
        (None, "FIELDS", "valid dictionary"),
        ({}, "FIELDS", "at least 1"),
        (["harm"], "FIELDS", "valid dictionary"),
        ({"harm": {"verdicts": ["a", "b"], "counts": "a"}}, "FIELDS.harm.direction", "required"),
        ({"harm": FIELDS["tone"] | {"counts": "loud"}}, "FIELDS.harm", "`counts` is `loud`"),
        ({"harm": FIELDS["tone"] | {"score": "loud"}}, "FIELDS.harm", "`score` is `loud`"),
        ({"harm": FIELDS["tone"] | {"direction": "up"}}, "FIELDS.harm.direction", "'higher' or 'lower'"),
        ({"harm": FIELDS["tone"] | {"verdicts": ["kind"]}}, "FIELDS.harm.verdicts", "at least 2"),
        ({"harm": FIELDS["tone"] | {"verdicts": ["kind", "unscored"]}}, "FIELDS.harm", "not `unscored`"),
        ({"harm": FIELDS["tone"] | {"scores": "kind"}}, "FIELDS.harm.scores", "not permitted"),
    ],
)
def test_fields_that_are_not_as_they_must_be(fields, key, said):
    with pytest.raises(SafeLRMError, match=said) as caught:
        judged(right(), fields)
    assert (caught.value.file, caught.value.key) == ("my.judge", key)
    assert "judging/refusal.py" in caught.value.fix
