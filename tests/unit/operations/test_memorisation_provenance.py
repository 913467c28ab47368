"""A number about memorisation is traced to its texts, its base and what the base was made of."""

from pathlib import Path

import pandas as pd
import pytest
from costs_fixtures import default_config

from safelrm.analysis.memorisation import memorisation
from safelrm.analysis.memorisation_schemas import MEMORISATION, MIN_K
from safelrm.analysis.memorisation_settings import MemorisationJobSettings
from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.data.schemas import CONVERSATIONS
from safelrm.operations.provenance import chosen_number, require_same, results_of, samples_with_texts
from safelrm.operations.trails import trail

ROWS = pd.DataFrame(
    [
        {
            "model": "nano_a",
            "dataset": "star1",
            "prompt_id": f"p{number}",
            "kind": "harmful",
            "category": "any",
            "member": None,
            "k": k,
            "main": k == 60,
            "tokens": 9,
            "value": number / k,
            "refused": None,
        }
        for number in range(3)
        for k in (20, 60)
    ]
)
WANTED = {"model": "nano_a", "dataset": "star1", "k": "60"}


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Plan:
    asked = {"datasets": ["star1"], "models": ["nano_a"]}
    plan = Plan(load_study(default_config() | {"memorisation": asked}, "config.yaml"))
    monkeypatch.chdir(tmp_path)
    results = Path("results/nano")
    MIN_K.write(results / "min_k/nano_a.parquet", ROWS)
    MEMORISATION.write(results / "memorisation.parquet", memorisation(ROWS, MemorisationJobSettings()))
    (results / "samples.parquet").touch()
    return plan


def number_of(plan: Plan) -> pd.Series:
    return chosen_number(MEMORISATION.read(results_of(plan).folder / "memorisation.parquet"), MEMORISATION, WANTED)


def test_it_is_made_again_and_must_be_equal(plan):
    number, results = number_of(plan), results_of(plan)
    assert (number.k, number.n) == (60, 3)
    require_same(number, results.remade(number), MEMORISATION, Path("memorisation.parquet"))
    wrong = number.copy()
    wrong["value"] = 0.5
    with pytest.raises(SafeLRMError, match=r"the table says 0\.5"):
        require_same(wrong, results.remade(number), MEMORISATION, Path("memorisation.parquet"))


def test_its_trail_names_texts_base_and_corpus(plan):
    number = number_of(plan)
    lines = "\n".join(trail(number, MEMORISATION, results_of(plan), plan))
    for named in (
        "results/nano/min_k/nano_a.parquet sha256",
        "data/star1.parquet",
        "checkpoints/nano_a/base/seed0/manifest.json",
        "data/pretraining_a.parquet",
        '"k":60',
    ):
        assert named in lines


def test_its_texts_stand_beside_their_values_if_they_are_here(plan):
    number, results = number_of(plan), results_of(plan)
    assert samples_with_texts(number, results, plan).value.tolist() == pytest.approx([0.0, 1 / 60, 2 / 60])
    texts = ROWS[ROWS.k == 60][["prompt_id", "kind", "category"]].assign(prompt="w1", response="w2")
    CONVERSATIONS.write("data/star1.parquet", texts)
    assert samples_with_texts(number, results, plan).response.tolist() == ["w2"] * 3


def test_a_k_that_was_not_taken_is_told(plan):
    table = MEMORISATION.read(results_of(plan).folder / "memorisation.parquet")
    with pytest.raises(SafeLRMError, match="no number of '30'") as error:
        chosen_number(table, MEMORISATION, WANTED | {"k": "30"})
    assert "[20, 60]" in error.value.fix
