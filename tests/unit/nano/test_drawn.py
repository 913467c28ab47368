"""Which dialogues a base was trained on: the draws of its training come out again."""

from collections import Counter

import pandas as pd
import pytest
from pretraining_fixtures import TINY, optimisation

from safelrm.data.schemas import CONVERSATIONS
from safelrm.models.schemas import CURVES
from safelrm.nano.pretraining import base
from safelrm.nano.pretraining.drawn import draws, steps_of_phases, texts
from safelrm.nano.pretraining.run import Training
from safelrm.nano.schemas import CORPUS
from safelrm.nano.settings import CorpusSettings, ProbeSettings, ScratchSettings
from safelrm.nano.sources import corpus

SETTINGS = {
    "dialect": "family_b",
    "template": "family_b",
    "architecture": TINY.model_dump(),
    "template_arguments": {"reasoning_direct": {}, "request": {}, "request_direct": {"enable_thinking": False}},
    "optimisation": {
        "phases": [
            {"steps": 2, "until": ["copying"], "mixture": {"copying": 1.0, "fact": 1.0}},
            {"steps": 9, "mixture": {"fact": 1.0, "reasoning": 1.0, "request": 2.0, "request_direct": 1.0}},
        ],
        "batch_size": 4,
    },
    "probe": {"every": 1, "first_step": 2, "passes": 3, "size": 1, "threshold": 0.0, "measures": ["copying"]},
}
SEED = 5


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    sizes = {"copying": 9, "steps": 0, "facts": 9, "rulings": 0, "problems": 9, "requests": 9, "requests_direct": 9}
    found = corpus.load(CorpusSettings(dialect="family_b", **sizes, seed=0))
    # a text that the corpus holds twice
    return pd.concat([found, found[found.kind == "request"].head(1)], ignore_index=True)


@pytest.fixture(scope="module")
def trained(rows, tmp_path_factory):
    """What a training has drawn, as token ids with their numbers, and its files."""
    folder, batches = tmp_path_factory.mktemp("base"), []
    taken = Training.take_step

    def note(training, batch):
        batches.extend(example.ids for example in batch)
        taken(training, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "take_step", note)
        settings = ScratchSettings.model_validate(SETTINGS)
        _, tokenizer, curve = base.train_base(settings, rows, SEED, folder / "work")
    CORPUS.write(folder / "corpus.parquet", rows)
    CURVES.write(folder / "curve.parquet", curve)
    return Counter(batches), tokenizer, folder


def test_the_draws_are_those_of_the_training(rows, trained):
    drawn, tokenizer, folder = trained
    settings = ScratchSettings.model_validate(SETTINGS)
    steps = steps_of_phases(CURVES.read(folder / "curve.parquet"), settings.optimisation, settings.probe)
    assert 4 * sum(steps) == drawn.total()
    pools = base.encode_corpus(tokenizer, rows, settings.template_arguments)
    # rows of a kind have one order in the corpus and among the examples, where none or all are plain
    ids = {
        place: example.ids
        for kind, of_kind in rows.groupby("kind")
        for place, example in zip(of_kind.index, pools[kind], strict=True)
    }
    again: Counter[tuple[int, ...]] = Counter()
    for place, times in draws(rows, settings.optimisation, steps, SEED).items():
        again[ids[place]] += times
    assert again == drawn


def test_members_are_the_dialogues_that_were_drawn(rows, trained, tmp_path):
    drawn, tokenizer, folder = trained
    members, others = texts(SETTINGS, {"corpus": folder / "corpus.parquet"}, SEED, folder / "curve.parquet")
    for table, seen in ((members, True), (others, False)):
        CONVERSATIONS.write(tmp_path / "rows.parquet", table)
        examples = base.encode_dialogues(tokenizer, table.prompt, table.response, {})
        assert [example.ids in drawn for example in examples] == [seen] * len(table)
    both = pd.concat([members, others])
    # neither plain texts, nor those with arguments of the template, nor those that stand twice in the corpus
    assert set(both.category) == {"reasoning", "request"}
    twice = rows[rows.kind == "request"].iloc[0]
    assert not ((both.prompt == twice.prompt) & (both.response == twice.text)).any()
    assert len(both) == 9 + 8
    again = texts(SETTINGS, {"corpus": folder / "corpus.parquet"}, SEED, folder / "curve.parquet")
    assert members.equals(again[0]) and others.equals(again[1])


def curve(**probes: dict[int, float]) -> pd.DataFrame:
    found = [(step, f"probe/{name}", value) for name, values in probes.items() for step, value in values.items()]
    return pd.DataFrame([*found, (999, "loss", 0.1)], columns=["step", "metric", "value"])


@pytest.mark.parametrize(
    ("copying", "wanted"),
    [
        # the first phase ends when both measures pass at once, or at its cap
        ({50: 0.9, 100: 0.97, 150: 0.99, 400: 1.0}, [150, 250]),
        ({50: 0.9, 100: 0.97, 400: 1.0}, [200, 200]),
    ],
)
def test_a_phase_ends_when_its_measures_pass_or_at_its_cap(copying, wanted):
    phases = [
        {"steps": 200, "until": ["copying", "steps"], "mixture": {"copying": 1.0}},
        {"steps": 900, "mixture": {"fact": 1.0}},
    ]
    found = curve(copying=copying, steps={50: 0.5, 100: 0.9, 150: 0.95, 400: 1.0})
    assert steps_of_phases(found, optimisation(phases=phases), ProbeSettings(threshold=0.95)) == wanted
