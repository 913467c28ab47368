"""Classifiers of refusals in a configuration: what their jobs are given, who asks them, and what is refused."""

import copy

import numpy as np
import pytest
from safetensors.numpy import save_file

from safelrm.core.errors import SafeLRMError
from safelrm.dag.costs.jobs import Estimates
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.operations.revisions import find_blanks

JUDGE = {"module": "safelrm.judging.learned_refusal", "classifier": "refusals"}
OF = {"classifier": "refusals"}


@pytest.fixture
def config(tmp_path):
    """A study with a classifier, whose encoder is in a folder."""
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    for name in ("config.json", "tokenizer.json", "notes.md"):
        (encoder / name).write_text("{}")
    save_file({"weight": np.zeros(1)}, encoder / "model.safetensors")
    (tmp_path / "labels.csv").touch()
    settings = {"path": str(tmp_path / "labels.csv")}
    return {
        "name": "mine",
        "datasets": {"labels": {"source": "safelrm.data.sources.xstest_labels", "settings": settings}},
        "classifiers": {"refusals": {"encoder": {"path": str(encoder)}, "labelled": ["labels"]}},
        "judges": {"learned": JUDGE, "refusal": {"module": "safelrm.judging.refusal"}},
    }


def test_the_job_is_given_the_labelled_sets_and_the_encoder(config, tmp_path):
    plan = Plan(load_study(config, "mine.yaml"))
    assert plan.classifiers.named_labelled(OF) == ["labels=data/labels.parquet"]
    parts = ["config.json", "model.safetensors", "tokenizer.json"]
    assert plan.classifiers.encoder_files(OF) == [str(tmp_path / "encoder" / name) for name in parts]
    assert plan.classifiers.revision(OF) == ""
    assert "results/training/classifiers/refusals.csv" in plan.targets()
    assert "checkpoints/classifiers/refusals/manifest.json" in plan.pinned_files()
    assert Estimates(plan.study).job("classifier", OF).seconds > 0


def test_the_judge_asks_it(config):
    plan = Plan(load_study(config, "mine.yaml"))
    assert plan.judging.asked({"judge": "learned"}) == ["checkpoints/classifiers/refusals/manifest.json"]
    assert plan.judging.asked({"judge": "refusal"}) == []


def test_an_encoder_of_a_hub_is_fetched(config):
    revision = "a" * 40
    config["classifiers"]["refusals"]["encoder"] = {"hub": {"repo": "org/encoder", "revision": revision}}
    plan = Plan(load_study(config, "mine.yaml"))
    fetched = "hub/models/org--encoder/manifest.json"
    assert plan.fetching.manifests() == plan.classifiers.encoder_files(OF) == [fetched]
    assert (plan.classifiers.encoder(OF), plan.classifiers.revision(OF)) == (fetched, revision)
    assert plan.fetching.model_key({"repo": "org--encoder"}) == "classifiers.refusals.encoder.hub"
    assert Estimates(plan.study).job("fetch_model", {"repo": "org--encoder"}).seconds > 0


def test_the_revision_of_an_encoder_can_be_filled_in():
    text = "classifiers:\n  refusals:\n    encoder: {hub: {repo: org/encoder, revision: null}}\n    labelled: [a]\n"
    assert [blank.key for blank in find_blanks(text)] == ["classifiers.refusals.encoder.hub.revision"]


def test_it_is_not_validated_on_what_it_has_learned_from(config, tmp_path):
    labels = {"full_compliance": "compliance", "partial_refusal": "refusal", "full_refusal": "refusal"}
    entry = {"judges": ["refusal", "learned.refusal"], "labelled": ["labels"], "labels": labels}
    config["validation"] = {"refusals": entry}
    with pytest.raises(SafeLRMError, match=r"validation.refusals.labelled: `learned` has learned from \['labels'\]"):
        load_study(config, "mine.yaml")
    # nor is it under another name
    config["datasets"]["others"] = copy.deepcopy(config["datasets"]["labels"])
    config["validation"]["refusals"] = entry | {"labelled": ["others"]}
    with pytest.raises(SafeLRMError, match=r"`learned` has learned from \['others'\]"):
        load_study(config, "mine.yaml")
    (tmp_path / "others.csv").touch()
    config["datasets"]["others"]["settings"]["path"] = str(tmp_path / "others.csv")
    asked = Plan(load_study(config, "mine.yaml")).judging.asked({"judge": "learned", "labelled": "others"})
    assert asked == ["checkpoints/classifiers/refusals/manifest.json"]


@pytest.mark.parametrize(
    ("section", "entry", "said"),
    [
        ("classifiers", {"encoder": {}, "labelled": ["labels"]}, "give either `hub`"),
        ("classifiers", {"encoder": {"path": "nowhere"}, "labelled": ["labels"]}, "classifiers.refusals.encoder.path"),
        ("classifiers", {"encoder": {"path": "."}, "labelled": ["labels"]}, "config.json"),
        ("classifiers", {"encoder": {"hub": {"repo": "o/e"}}, "labelled": ["lables"]}, "did you mean `labels`"),
        ("classifiers", {"encoder": {"hub": {"repo": "o/e"}}, "labelled": []}, "classifiers.refusals.labelled"),
        ("judges", JUDGE | {"classifier": "refusal"}, "did you mean `refusals`"),
        ("judges", {"module": JUDGE["module"]}, "needs a classifier"),
        ("judges", {"module": "safelrm.judging.refusal", "classifier": "refusals"}, "asks none"),
        ("judges", JUDGE | {"guard": "g"}, "asks one model"),
    ],
)
def test_what_does_not_fit_is_refused(config, section, entry, said):
    name = {"classifiers": "refusals", "judges": "learned"}[section]
    config[section][name] = entry
    with pytest.raises(SafeLRMError) as raised:
        load_study(config, "mine.yaml")
    assert said in str(raised.value)
