"""The command entropy: ten samples by other code, its three tables, and what is refused."""

import json
import math
import sys

import numpy as np
import pytest
import torch
from entropy_fixtures import DECODINGS, PROMPT, ROLLOUTS_OF_TEN
from scipy import stats
from tiny_model import granite_hybrid, write_tiny_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from safelrm.analysis import entropy as command
from safelrm.analysis.entropy import entropies
from safelrm.analysis.entropy_schemas import ENTROPIES, ENTROPY_HISTOGRAMS, ENTROPY_POSITIONS
from safelrm.analysis.entropy_settings import EntropyJobSettings, EntropySettings
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUTS

TEMPERATURES = {"b": {"plain": 0.7, "thinking": 1.0}}
GIVEN = {
    **{"benchmarks": ["b"], "markers": ["w4"], "histogram_bins": 8, "position_bins": 3, "batch_tokens": 40},
    **{"temperatures": TEMPERATURES, "decodings": DECODINGS},
}
SETTINGS = EntropyJobSettings.model_validate(GIVEN)


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    """A policy and its base."""
    folder = tmp_path_factory.mktemp("models")
    return [write_tiny_model(folder / str(seed), seed=seed, scale=8.0) for seed in (1, 2)]


@pytest.fixture(scope="module")
def found(manifests):
    return entropies(ROLLOUTS_OF_TEN, *(manifest.parent / "model" for manifest in manifests), SETTINGS)


@pytest.fixture(scope="module")
def by_hand(manifests):
    """Of each rollout, the entropies of its tokens under both models and the divergence: by transformers and scipy."""
    folders = [manifest.parent / "model" for manifest in manifests]
    tokenizer = AutoTokenizer.from_pretrained(folders[0])
    models = [AutoModelForCausalLM.from_pretrained(folder).eval() for folder in folders]

    def values(row) -> np.ndarray:
        text = f"{PROMPT} {'<think> ' if row.decoding == 'thinking' else ''}{row.completion}"
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
        size, heat = len(row.completion.split()), TEMPERATURES["b"][row.decoding]
        with torch.no_grad():
            shares = [(model(ids).logits[0, -size - 1 : -1].double() / heat).softmax(-1).numpy() for model in models]
        return np.stack([*(stats.entropy(share, axis=1) for share in shares), stats.entropy(*shares, axis=1)])

    return [values(row) for row in ROLLOUTS_OF_TEN.itertuples()]


def test_ten_samples_by_other_code(found, by_hand):
    rows = found[0]
    assert rows.tokens.tolist() == [values.shape[1] for values in by_hand]
    for name, place in (("entropy", 0), ("base_entropy", 1), ("kl", 2)):
        assert rows[name].tolist() == pytest.approx([values[place].mean() for values in by_hand], abs=1e-4)
    assert rows.temperature.tolist() == [0.7] * 5 + [1.0] * 5
    assert not rows.resplit.any()


def test_the_top_tokens_are_the_fifth_of_a_mode_with_the_highest_entropy(found, by_hand):
    rows = found[0]
    for mode, of_mode in rows.groupby("decoding"):
        values = np.concatenate([by_hand[place][0] for place in of_mode.index])
        top = np.sort(values)[::-1][: math.ceil(0.2 * len(values))]
        assert of_mode.top_tokens.sum() == len(top), mode
        assert of_mode.threshold.tolist() == pytest.approx([top.min()] * len(of_mode), abs=1e-4)
        carried = (of_mode.top_entropy * of_mode.top_tokens).sum()
        assert carried == pytest.approx(top.sum(), abs=1e-3)
        share = (of_mode.top_share * of_mode.entropy * of_mode.tokens).sum()
        assert share == pytest.approx(top.sum(), abs=1e-3)


def test_at_reflection_tokens_of_traces(found, by_hand):
    rows = found[0]
    # places of w4 in the traces
    places = [[2], [], [1, 2], [], [], [0], [], [0, 2, 4], [], [0]]
    assert rows.reflections.tolist() == [len(of_row) for of_row in places]
    for number, of_row in enumerate(places):
        expected = [by_hand[number][which][of_row].mean() if of_row else math.nan for which in (0, 1)]
        said = rows.loc[number, ["reflection_entropy", "reflection_base_entropy"]].astype(float).tolist()
        assert said == pytest.approx(expected, abs=1e-4, nan_ok=True)


def test_histograms_count_every_token_of_a_part(found, by_hand):
    histograms = found[1]
    edges = [*np.linspace(0, 4.0, 9), math.inf]
    # the answers of the plain mode: their tokens come last
    sizes = [len(answer.split()) for answer in ROLLOUTS_OF_TEN.head(5).answer.fillna("")]
    for column, which in (("count", 0), ("base_count", 1)):
        values = np.concatenate([by_hand[n][which][len(by_hand[n][which]) - size :] for n, size in enumerate(sizes)])
        of_part = histograms[(histograms.decoding == "plain") & (histograms.part == "y")]
        assert of_part[column].tolist() == np.histogram(values, edges)[0].tolist()
    assert of_part.bin.tolist() == [*range(9)] and of_part.high.isna().tolist() == [False] * 8 + [True]
    assert set(zip(histograms.decoding, histograms.part, strict=True)) == {(m, p) for m in DECODINGS for p in "ty"}


def test_places_are_relative_to_the_part(found, by_hand):
    positions = found[2]
    traces = positions[(positions.decoding == "thinking") & (positions.part == "t")].set_index("bin")
    # three bins; traces of 2, 1, 5, 2 and 1 tokens
    bins = {0: [(5, 0), (7, 0), (7, 1), (8, 0)], 1: [(6, 0), (7, 2), (9, 0)], 2: [(5, 1), (7, 3), (7, 4), (8, 1)]}
    assert traces.n.to_dict() == {number: len(places) for number, places in bins.items()}
    for number, places in bins.items():
        values = np.array([by_hand[row][:, token] for row, token in places])
        for which, name in enumerate(("entropy", "base_entropy", "kl")):
            assert traces.loc[number, f"{name}_sum"] == pytest.approx(values[:, which].sum(), abs=1e-3)
            assert traces.loc[number, f"{name}_squares"] == pytest.approx((values[:, which] ** 2).sum(), abs=1e-2)
    assert traces.low.tolist() == pytest.approx([0, 1 / 3, 2 / 3]) and traces.high[2] == 1


def test_a_base_is_read_alone(manifests, found):
    rows, histograms, positions = entropies(ROLLOUTS_OF_TEN, manifests[0].parent / "model", None, SETTINGS)
    assert rows.entropy.tolist() == pytest.approx(found[0].entropy.tolist())
    assert rows[["base_entropy", "kl", "reflection_base_entropy"]].isna().all(axis=None)
    assert histograms.base_count.isna().all() and positions.kl_sum.isna().all()


def test_a_policy_that_is_its_base_has_not_moved(manifests):
    folder = manifests[0].parent / "model"
    rows = entropies(ROLLOUTS_OF_TEN, folder, folder, SETTINGS)[0]
    assert (rows.entropy == rows.base_entropy).all() and (rows.kl == 0).all()


def test_samples_without_tokens_and_of_other_tokens_are_said_to_be_so(manifests):
    rollouts = ROLLOUTS_OF_TEN.head(2).assign(
        completion=["", "w8 w9"], trace=None, answer=[None, "w8 w9"], completion_tokens=[0, 3]
    )
    rows = entropies(rollouts, manifests[0].parent / "model", None, SETTINGS)[0]
    assert rows.tokens.tolist() == [0, 2] and rows.resplit.tolist() == [False, True]
    assert rows.entropy.isna().tolist() == [True, False] and math.isnan(rows.top_share[0])


def command_line(tmp_path, manifests, settings: dict, *, base: bool = True) -> list[str]:
    paths = {
        name: tmp_path / name / "m/sft-x/seed1.parquet" for name in ("rollouts", "output", "histograms", "positions")
    }
    ROLLOUTS.write(paths["rollouts"], ROLLOUTS_OF_TEN)
    given = [argument for name, path in paths.items() for argument in (f"--{name}", str(path))]
    bases = ["--base", *([str(manifests[1])] if base else [])]
    return ["entropy", "--settings", json.dumps(settings), "--checkpoint", str(manifests[0]), *bases, *given]


def test_the_stage_writes_its_tables(manifests, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", command_line(tmp_path, manifests, GIVEN | {"prompts": 2}))
    command.main()
    rows = ENTROPIES.read(tmp_path / "output/m/sft-x/seed1.parquet")
    # the same prompts in both modes
    assert len(rows) == 4 and rows.prompt_id.value_counts().tolist() == [2, 2]
    assert ENTROPY_POSITIONS.read(tmp_path / "positions/m/sft-x/seed1.parquet").n.sum() > 0
    with_base = ENTROPY_HISTOGRAMS.read(tmp_path / "histograms/m/sft-x/seed1.parquet")
    assert with_base.base_count.notna().all()
    monkeypatch.setattr(sys, "argv", command_line(tmp_path, manifests, GIVEN | {"prompts": None}, base=False))
    command.main()
    assert len(ENTROPIES.read(tmp_path / "output/m/sft-x/seed1.parquet")) == 10


def test_another_vocabulary_is_one_error(manifests, tmp_path):
    folder = manifests[0].parent / "model"
    other = write_tiny_model(tmp_path / "words").parent / "model"
    tokenizer = AutoTokenizer.from_pretrained(other)
    tokenizer.add_tokens(["w99"])
    tokenizer.save_pretrained(other)
    with pytest.raises(SafeLRMError, match="its vocabulary is not that of its base"):
        entropies(ROLLOUTS_OF_TEN, folder, other, SETTINGS)

    def wider():
        model = granite_hybrid()
        model.resize_token_embeddings(70)
        return model

    wide = write_tiny_model(tmp_path / "wide", network=wider).parent / "model"
    with pytest.raises(SafeLRMError, match="its vocabulary is not that of its base"):
        entropies(ROLLOUTS_OF_TEN, folder, wide, SETTINGS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"benchmarks": []}, "at least 1 item"),
        ({"benchmarks": ["b", "b"]}, "benchmarks: name each once"),
        ({"models": ["m", "m"]}, "models: name each once"),
        ({"models": []}, "at least 1 item"),
        ({"temperature": 0.0}, "greater than 0"),
        ({"prompts": 0}, "greater than or equal to 1"),
        ({"markers": ["w", "w"]}, "name each marker once"),
        ({"bins": 3}, "Extra inputs"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        EntropySettings.model_validate({"benchmarks": ["b"]} | changes)
