"""What the rules of curation ask of a study, and what a configuration may not say of it."""

import json
import re

import pytest
from costs_fixtures import default_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study

REFINED = {
    "source": "safelrm.data.refine",
    "settings": {"dataset": "star1", "overlap_with": ["requests_harmful"], "duplicates": "near"},
}


def plan_of(**changes) -> Plan:
    config = default_config()
    config["datasets"] |= changes.pop("datasets", {})
    return Plan(load_study(config | changes, "config.yaml"))


def test_a_refined_data_set_is_made_from_others_and_a_loaded_one_by_its_source():
    plan = plan_of(datasets={"clean": REFINED}, curation={"datasets": ["clean", "requests_harmful"]})
    clean = {"dataset": "clean"}
    assert plan.curation.refined_dataset(clean) == "data/star1.parquet"
    assert plan.curation.refined_overlap(clean) == ["data/requests_harmful.parquet"]
    assert plan.curation.refined_named_overlap(clean) == ["requests_harmful=data/requests_harmful.parquet"]
    # defaults are part of the settings
    assert json.loads(plan.curation.refined_settings(clean))["near"] == 0.7
    for name, made in (("clean", True), ("star1", False), ("clean_more", False)):
        assert bool(re.fullmatch(rf"data/(?:{plan.curation.refined()})\.parquet", f"data/{name}.parquet")) == made
        assert bool(re.fullmatch(rf"data/(?:{plan.curation.loaded()})\.parquet", f"data/{name}.parquet")) != made
    assert {"data/clean.parquet", "data/star1.parquet"} <= set(plan.data.used())
    tables = [f"results/nano/curation/{name}.csv" for name in ("matches", "shares")]
    tables += [f"results/nano/curation/lengths/{name}.csv" for name in ("clean", "requests_harmful")]
    assert plan.curation.targets() == [*tables, *plan.curation.card_files()]
    assert plan.curation.card_files() == [
        f"results/nano/curation/cards/{name}.md" for name in ("clean", "requests_harmful")
    ]
    assert plan.curation.described_named_dropped(clean) == ["clean=data/dropped/clean.csv"]
    assert plan.curation.described_dropped({"dataset": "requests_harmful"}) == []
    # one tokenizer for each model that is compared
    assert plan.curation.named_tokenizers()[0] == "nano_a=checkpoints/nano_a/base/seed0/model/tokenizer.json"
    assert json.loads(plan.curation.match_settings()) == {"near": 0.7, "ngram_words": 8, "ngram_share": 0.7}


def test_a_card_has_the_licence_of_the_public_set_that_the_rows_are_from(tmp_path):
    (tmp_path / "star1.json").write_text("[]")
    public = {"preset": "star1", "settings": {"path": str(tmp_path / "star1.json")}}
    made = REFINED | {"settings": {"dataset": "public", "size": 5}}
    plan = plan_of(datasets={"public": public, "clean": made}, curation={"datasets": ["clean", "public", "star1"]})
    names = ("clean", "public", "star1")
    said = {name: plan.curation.card_settings({"dataset": name}) for name in names}
    facts = {name: json.loads(text)["datasets"][name] for name, text in said.items()}
    assert facts["clean"]["licence"] == facts["public"]["licence"] and "Apache-2.0" in facts["clean"]["licence"]
    assert facts["star1"]["licence"] is None
    # a path of this machine is no fact of the data
    assert not any(str(tmp_path) in text for text in said.values())
    # the account of rows is that of the public set
    assert plan.card_tables() == ["results/nano/audit/rows.csv"]
    assert plan.study.kind_of("clean") == "harmful"


def test_selections_are_compared_and_made_for_it():
    distillation = {
        "teacher": {"checkpoint": {"model": "nano_a", "max_model_length": 192}},
        "prompts": ["rl_harmful"],
        "samples": 1,
        "sampling": {"temperature": 1.0, "max_tokens": 96},
        "seed": 1,
    }
    sections = {"distillations": {"own": distillation}, "selections": {"direct": {"distillation": "own"}}}
    plan = plan_of(**sections, curation={"datasets": ["direct", "star1"]})
    assert plan.curation.compared_named_files()[0] == "direct=data/selected/direct.parquet"
    facts = json.loads(plan.curation.card_settings({"dataset": "direct"}))["datasets"]["direct"]
    assert facts["source"] == "safelrm.training.select"
    assert plan.curation.described_file({"dataset": "direct"}) == "data/selected/direct.parquet"
    assert "data/selected/direct.parquet" in plan.distilling.files()


def test_a_study_without_curation_has_none_of_its_jobs():
    plan = plan_of()
    assert plan.curation.targets() == plan.curation.compared_files() == []
    assert not re.fullmatch(f"(?:{plan.curation.refined()})", "star1")
    assert not any("curation" in target for target in plan.targets())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dataset": "clean"}, "`clean` is made from itself"),
        ({"dataset": "star1", "overlap_with": ["again"]}, "`clean` is made from itself"),
        ({"dataset": "stra1"}, "did you mean `star1`?"),
        ({"dataset": "star1", "overlap_with": ["star1"]}, "use `duplicates` for repeated rows within a set"),
        ({"dataset": "star1", "near": 0}, "near"),
    ],
)
def test_wrong_origins_are_named(settings, said):
    again = {"source": "safelrm.data.refine", "settings": {"dataset": "clean"}}
    with pytest.raises(SafeLRMError) as caught:
        plan_of(datasets={"clean": {"source": "safelrm.data.refine", "settings": settings}, "again": again})
    assert said in str(caught.value) and "datasets.clean.settings" in str(caught.value)
