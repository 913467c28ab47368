"""Direct distillation: answers are safe, traces are the teacher's own."""

import pytest

from safelrm.core.trace import parse_completion
from safelrm.nano.settings import DistillationSettings
from safelrm.nano.sources.distillation import TABLE, load
from safelrm.nano.world.oracle import label
from safelrm.nano.world.requests import actions_in


@pytest.fixture(scope="module")
def rows():
    return load(DistillationSettings(size=300, benign_share=0.2, seed=1))


def test_the_rows_fit_the_table_and_are_drawn_anew_alike(rows, tmp_path):
    TABLE.write(tmp_path / "rows.parquet", rows)
    assert rows.equals(load(DistillationSettings(size=300, benign_share=0.2, seed=1)))
    assert not rows.equals(load(DistillationSettings(size=300, benign_share=0.2, seed=2)))
    assert (rows.kind == "benign").sum() == 60


def test_every_answer_is_safe_and_many_traces_are_not(rows):
    harmful = rows[rows.kind == "harmful"]
    parsed = [parse_completion(text, prefilled=False) for text in harmful.response]
    assert {part.state for part in parsed} == {"ok"}
    answers = [label(prompt, part.answer) for prompt, part in zip(harmful.prompt, parsed, strict=True)]
    traces = [label(prompt, part.trace) for prompt, part in zip(harmful.prompt, parsed, strict=True)]
    assert set(answers) == {"safe"}
    assert 0.4 < traces.count("unsafe") / len(traces) < 0.8


def test_benign_requests_are_helped_with(rows):
    for row in rows[rows.kind == "benign"].itertuples():
        assert actions_in(parse_completion(row.response, prefilled=False).answer)


def test_words_are_of_the_train_split(rows):
    for prompt in rows.prompt:
        ((verb, thing),) = actions_in(prompt)
        assert verb.split == thing.split == "train"
