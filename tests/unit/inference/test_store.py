"""Kept answers: nothing is asked twice, whatever comes between, and nobody gets an answer to another question."""

import shutil

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelrm.core.process import CACHE, INSTRUCTION_SET
from safelrm.core.tables import Table, columns
from safelrm.inference import store
from safelrm.inference.store import AnswerStore

SQUARES = Table("squares", columns(key=pa.string(), square=pa.int64()), key=("key",))


@pytest.fixture
def model(tmp_path_factory):
    """A model folder, beside its manifest."""
    folder = tmp_path_factory.mktemp("a")
    (folder / "manifest.json").write_text('{"files": {"model.safetensors": "1"}}')
    return folder / "model"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


class Engine:
    """Answers with squares, the last question first, and remembers what it was asked."""

    def __init__(self, until=None):
        self.asked, self.until = [], until

    def __call__(self, questions):
        for place, (ids, _) in reversed([*enumerate(questions)]):
            if len(self.asked) == self.until:
                raise KeyboardInterrupt
            self.asked.append(ids[0])
            yield place, (ids[0] ** 2,)


def ask(numbers, engine, model, table=SQUARES, sampling=None, **context):
    questions = [([number], sampling or {}) for number in numbers]
    return AnswerStore(table, model, context).answers(questions, engine)["square"].tolist()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(0, 20), max_size=12), min_size=1, max_size=5), st.integers(0, 20))
def test_each_question_is_asked_once_whatever_is_asked_together_and_interrupted(tmp_path_factory, batches, until):
    folder = tmp_path_factory.mktemp("store")
    (folder / "manifest.json").write_text('{"files": {}}')
    engine = Engine(until)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE, str(folder / "cache"))
        patch.setattr(store, "SAVE_SECONDS", 0.0)
        for numbers in batches:
            try:
                assert ask(numbers, engine, folder / "model") == [number**2 for number in numbers]
            except KeyboardInterrupt:
                engine.until = None
                assert ask(numbers, engine, folder / "model") == [number**2 for number in numbers]
    assert sorted(engine.asked) == sorted({number for numbers in batches for number in numbers})


def test_answers_that_a_killed_job_had_kept_are_not_asked_for(model, cache, monkeypatch):
    now = iter(range(0, 1000, 6))
    monkeypatch.setattr(store.time, "monotonic", lambda: float(next(now)))

    class KilledError(Exception):
        """Nothing after the kill runs: what was not yet written is lost."""

    def killed(questions):
        yield from ((place, (ids[0] ** 2,)) for place, (ids, _) in enumerate(questions[:11]))
        monkeypatch.setattr(AnswerStore, "_save", lambda *_: None)
        raise KilledError

    with pytest.raises(KilledError):
        ask(range(30), killed, model)
    monkeypatch.undo()
    monkeypatch.setenv(CACHE, str(cache))
    engine = Engine()
    assert ask(range(30), engine, model) == [number**2 for number in range(30)]
    # an answer every 6 s, kept after more than 20 s: at most four are lost
    assert set(engine.asked) == set(range(8, 30))


def test_a_job_leaves_one_file(model, cache, monkeypatch):
    monkeypatch.setattr(store, "SAVE_SECONDS", 0.0)
    ask(range(9), Engine(), model)
    assert len([*cache.rglob("*.parquet")]) == 1


def test_an_answer_is_of_its_own_question_model_and_engine(model, cache):
    ask([1, 2], Engine(), model, dtype="float32")
    for changes in ({"dtype": "bfloat16"}, {"dtype": "float32", "sampling": {"seed": 1}}):
        engine = Engine()
        ask([1, 2], engine, model, **changes)
        assert len(engine.asked) == 2
    (model.parent / "manifest.json").write_text('{"files": {"model.safetensors": "2"}}')
    engine = Engine()
    ask([1, 2], engine, model, dtype="float32")
    assert len(engine.asked) == 2


def test_another_version_of_the_engine_is_asked_anew(model, cache, monkeypatch):
    ask([1], Engine(), model)
    monkeypatch.setattr(store, "version", lambda package: "0.1")
    engine = Engine()
    ask([1], engine, model)
    assert engine.asked == [1]


def test_equal_weights_share_their_answers_wherever_they_lie(model, cache, tmp_path):
    ask([1], Engine(), model)
    engine = Engine()
    shutil.copytree(model.parent, tmp_path / "copy")
    ask([1, 2], engine, tmp_path / "copy/model")
    assert engine.asked == [2]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(bytes(b ^ (n == 30) for n, b in enumerate(path.read_bytes()))),
        lambda path: pd.DataFrame({"key": ["x"]}).to_parquet(path),
    ],
)
def test_a_damaged_file_is_dropped_and_its_answers_are_asked_for_again(model, cache, damage, capsys):
    ask([1, 2], Engine(), model)
    ask([3], Engine(), model)
    (path,) = (path for path in cache.rglob("*.parquet") if len(SQUARES.read(path)) == 2)
    damage(path)
    engine = Engine()
    assert ask([1, 2, 3], engine, model) == [1, 4, 9]
    assert sorted(engine.asked) == [1, 2]
    assert f"dropped {path}" in capsys.readouterr().err


def test_two_jobs_at_once_lose_nothing(model, cache):
    second = Engine()

    def meanwhile(questions):
        assert ask([2, 3], second, model) == [4, 9]
        yield from Engine()(questions)

    assert ask([1, 2], meanwhile, model) == [1, 4]
    engine = Engine()
    assert ask([1, 2, 3], engine, model) == [1, 4, 9]
    assert engine.asked == []


def test_whoever_may_write_into_the_cache_may_write_into_the_store(model, cache):
    cache.mkdir()
    cache.chmod(0o2775)
    ask([1], Engine(), model)
    assert {path.stat().st_mode & 0o7777 for path in (cache / "answers").rglob("*") if path.is_dir()} == {0o2775}


def test_the_folder_says_what_its_answers_depend_on(model, cache):
    ask([1], Engine(), model, dtype="float32")
    (folder,) = (path.parent for path in cache.rglob("context.json"))
    context = store.read_context(folder)
    assert context["model"] == {"model.safetensors": "1"}
    assert context["dtype"] == "float32"
    assert store.read_context(folder.parent) == {}


def test_answers_of_other_instructions_are_kept_apart_and_those_of_the_fixed_ones_where_they_were(
    model, cache, monkeypatch
):
    monkeypatch.delenv(INSTRUCTION_SET, raising=False)
    engine = Engine()
    ask([1], engine, model)
    for name, asked in (("avx2", 1), ("native", 2), ("native", 2)):
        monkeypatch.setenv(INSTRUCTION_SET, name)
        ask([1], engine, model)
        assert len(engine.asked) == asked
