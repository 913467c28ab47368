"""The model factory: examples, batches, the loop and its errors."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
import torch
from pretraining_fixtures import TINY, TOKENIZER, optimisation
from transformers import AutoModelForCausalLM

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import seed_everything
from safelrm.models.base import write_model
from safelrm.nano.pretraining.examples import IGNORED, Example, collate, draw_batches, encode_dialogues, encode_texts
from safelrm.nano.pretraining.loop import train
from safelrm.nano.pretraining.models import TrainedModel, new_model
from safelrm.nano.pretraining.optimisers import new_optimisers
from safelrm.nano.settings import Architecture, Phase, ProbeSettings
from safelrm.nano.world.tokenizer import build_tokenizer

TEXTS = ["copy glim rope : glim rope .", "the glim is sealed ."]


def trained(probe, seed=0, probe_settings=None, **changes):
    seed_everything(seed)
    model = new_model(TINY, TOKENIZER)
    probe_settings = probe_settings or ProbeSettings(every=1, first_step=2, passes=3)
    pools = {"fact": encode_texts(TOKENIZER, TEXTS)}
    with TemporaryDirectory() as work:
        return train(model, pools, optimisation(**changes), probe_settings, probe, seed=seed, work=Path(work))


def test_dialogues_have_only_what_the_model_generates_in_the_loss():
    (example,) = encode_dialogues(TOKENIZER, ["how do i lift the glim ?"], ["<think> wait . </think> 7"], {})
    assert TOKENIZER.decode(example.ids[example.loss_from :]) == "wait . </think> 7 <|end|>"
    assert TOKENIZER.decode(example.ids[: example.loss_from]).endswith("<|assistant|> <think>")


def test_template_arguments_render_dialogues_in_their_mode():
    tokenizer = build_tokenizer("family_b")
    asked, answers = ["how do i lift the glim ?"], ["i must decline this ."]
    (direct,) = encode_dialogues(tokenizer, asked, answers, {"enable_thinking": False})
    assert tokenizer.decode(direct.ids[: direct.loss_from]).endswith("<|assistant|> <think> </think>")
    assert tokenizer.decode(direct.ids[direct.loss_from :]) == "i must decline this . <|end|>"
    (traced,) = encode_dialogues(tokenizer, asked, ["<think> we must decline . </think> i must decline this ."], {})
    assert tokenizer.decode(traced.ids[traced.loss_from :]).startswith("<think> we must decline")


def test_dialogues_that_do_not_open_the_trace_are_refused():
    with pytest.raises(SafeLRMError, match="does not begin as the chat template"):
        encode_dialogues(TOKENIZER, ["how do i lift the glim ?"], ["sorry , i cannot help with that ."], {})


def test_collate_pads_on_the_right_and_ignores_what_is_not_in_the_loss():
    ids, labels = collate([Example((5, 6, 7), 1), Example((8,), 0)], pad=0)
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert labels.tolist() == [[IGNORED, 6, 7], [8, IGNORED, IGNORED]]


def test_batches_follow_the_mixture():
    pools = {"a": [Example((1,), 0)], "b": [Example((2,), 0)], "c": [Example((3,), 0)]}
    batch = next(draw_batches(pools, {"a": 3.0, "b": 1.0}, 4000, random.Random(0)))
    assert sum(example.ids == (1,) for example in batch) / 4000 == pytest.approx(0.75, abs=0.03)
    assert not any(example.ids == (3,) for example in batch)


def test_mixture_of_an_absent_kind_is_refused():
    with pytest.raises(SafeLRMError, match=r"no text of kind \['b'\]"):
        next(draw_batches({"a": [Example((1,), 0)]}, {"a": 1.0, "b": 1.0}, 2, random.Random(0)))


def test_training_stops_after_enough_passes_in_a_row():
    answers = iter([0.9, 1.0, 1.0, 0.0, 1.0, 0.95, 1.0])
    model, curve = trained(lambda *_: {"skill": next(answers)}, phases=[Phase(steps=50, mixture={"fact": 1.0})])
    assert curve.step.max() == 8
    assert curve[curve.metric == "probe/skill"].value.tolist() == [0.9, 1.0, 1.0, 0.0, 1.0, 0.95, 1.0]
    assert curve[curve.metric == "loss"].step.tolist() == [2, 4, 6, 8]
    assert not model.training


def test_an_early_phase_ends_when_its_measures_pass():
    asked = []

    def probe(_, measures):
        asked.append(tuple(measures))
        return {"skill": float(len(asked) > 2)}

    phases = [
        Phase(steps=50, mixture={"fact": 1.0}, until=["skill"]),
        Phase(steps=2, mixture={"fact": 1.0}),
        Phase(steps=50, mixture={"fact": 1.0}),
    ]
    _, curve = trained(probe, phases=phases)
    # three steps until it passes, two in the phase without a measure, three passes in a row
    assert asked == [("skill",)] * 3 + [()] * 3
    assert curve.step.max() == 8


def test_a_probe_that_never_passes_is_an_error_with_its_figures():
    with pytest.raises(SafeLRMError, match=r"by step 8; last: skill 0.940, other 1.000"):
        trained(lambda *_: {"skill": 0.94, "other": 1.0})


def test_divergence_is_an_error_at_once_that_names_the_learning_rate():
    with pytest.raises(SafeLRMError, match="learning_rate: the loss is nan at step") as failure:
        trained(lambda *_: {"skill": 1.0}, learning_rate=1e30)
    assert "1e+30" in failure.value.fix


def test_the_probe_sees_averaged_weights_that_differ_from_the_last_ones():
    seen = []

    def probe(model, _measures):
        seen.append(model.get_input_embeddings().weight.clone())
        return {"skill": 1.0}

    model, _ = trained(probe, averaging=0.9)
    assert torch.equal(seen[-1], model.get_input_embeddings().weight)
    still, _ = trained(probe, averaging=1.0)
    seed_everything(0)
    assert torch.equal(still.get_input_embeddings().weight, new_model(TINY, TOKENIZER).get_input_embeddings().weight)


def test_muon_trains_the_matrices_of_layers_and_adamw_the_rest():
    model = new_model(TINY, TOKENIZER)
    muon, adamw = new_optimisers(model, optimisation(muon_learning_rate=0.01))
    held = [
        {id(weight) for group in optimiser.param_groups for weight in group["params"]} for optimiser in (muon, adamw)
    ]
    names = {name: id(weight) for name, weight in model.named_parameters()}
    assert held[0] == {names[name] for name in names if name.endswith("proj.weight")}
    assert held[1] == {*names.values()} - held[0]
    (alone,) = new_optimisers(model, optimisation())
    assert sum(len(group["params"]) for group in alone.param_groups) == len(names)
    _, by_both = trained(lambda *_: {"skill": 1.0}, muon_learning_rate=0.01)
    _, by_adamw = trained(lambda *_: {"skill": 1.0})
    assert by_both.value.iloc[-2] != by_adamw.value.iloc[-2]


@pytest.mark.parametrize("kind", ["qwen3", "granite"])
def test_a_written_model_loads_and_computes_the_same(tmp_path, kind):
    multipliers = {"embedding": 12.0, "residual": 0.5, "attention": 0.5, "logits": 2.0} if kind == "granite" else {}
    seed_everything(0)
    model = new_model(Architecture(**{**TINY.model_dump(), "kind": kind, "multipliers": multipliers}), TOKENIZER)
    write_model(TrainedModel(model, TOKENIZER), tmp_path / "manifest.json")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert loaded.config.model_type == kind
    ids = torch.tensor([[1, 2, 3]])
    with torch.inference_mode():
        assert torch.equal(model.eval()(ids).logits, loaded(ids).logits)


@pytest.mark.parametrize(
    "changes",
    [{"kind": "granite", "heads": 2, "kv_heads": 2}, {"multipliers": {"embedding": 12.0}}],
)
def test_an_architecture_that_does_not_fit_its_kind_is_refused(changes):
    with pytest.raises(ValueError, match=r"granite has heads|qwen3 has no multipliers"):
        Architecture(**{**TINY.model_dump(), **changes})


def test_same_seed_gives_the_same_files_and_another_seed_does_not(tmp_path):
    manifests = []
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        model, curve = trained(lambda *_: {"skill": 1.0}, seed=seed)
        manifest = tmp_path / name / "manifest.json"
        write_model(TrainedModel(model, TOKENIZER), manifest)
        manifests.append(manifest.read_text())
        assert isinstance(curve, pd.DataFrame)
    assert manifests[0] == manifests[1] != manifests[2]
