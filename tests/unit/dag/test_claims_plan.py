"""Claims in the plan of a study: their job, what is built in, and what is refused."""

import json
from pathlib import Path

import pytest
import yaml
from claim_fixtures import CLAIM
from costs_fixtures import costs, default_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study, read_config

ROOT = Path(__file__).parents[3]
LENGTHS = {"metric": "analyses.lengths.trace_tokens", "benchmarks": ["dial_trained"]}


def planned(**claims: dict) -> Plan:
    return Plan(load_study(default_config() | {"claims": claims}, "config.yaml"))


def told(plan: Plan) -> dict:
    return {given["name"]: given for given in json.loads(plan.claims.settings())["claims"]}


def test_claims_are_made_published_and_read_in_order():
    plan = planned(second=CLAIM, first=CLAIM | LENGTHS)
    assert "results/nano/claims.md" in plan.targets() and "results/nano/claims.md" in plan.published_files()
    assert plan.claims.analyses() == [f"results/nano/analyses/lengths/nano_{name}.parquet" for name in "abi"]
    # the settings are JSON with sorted keys, so claims stand in a list
    assert [*told(plan)] == ["second", "first"]
    given = json.loads(plan.claims.settings())
    assert given["study"] == "nano" and given["origins"]["nano_a"] == "trained from scratch here"
    assert given["safety_judge"] == "guard_b" and given["confidence"] == 0.95
    assert costs(default_config() | {"claims": {"one": CLAIM}}).job("claims", {}).seconds < 60


def test_a_study_without_claims_is_as_before():
    plan = planned()
    assert plan.claims.targets() == plan.claims.analyses() == []
    assert not any("claims" in path for path in plan.published_files())


def test_what_rules_have_written_is_built_in():
    plan = planned(
        rl=CLAIM,
        sft=CLAIM | {"side": {"arm": "sft-star1"}},
        against=CLAIM | {"against": {"arm": "sft-matched_a"}},
        # what bases are was written, too
        bases=CLAIM | {"side": {"arm": "base"}, "against": {"arm": "base", "model": "nano_i"}},
    )
    built_in = {name: given["built_in"] for name, given in told(plan).items()}
    assert built_in == {"rl": [], "sft": ["sft-star1"], "against": ["sft-matched_a"], "bases": ["base"]}


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"metric": "safty"}, "metric", "`safety`"),
        ({"metric": "analyses.lengths.trace_token"}, "metric", "`analyses.lengths.trace_tokens`"),
        ({"benchmarks": ["requests_harmfull"]}, "benchmarks", "`requests_harmful`"),
        ({"models": ["nano_x"]}, "models", "`nano_"),
        ({"side": {"arm": "rl-grpoo"}}, "side.arm", "`rl-grpo`"),
        ({"against": {"arm": "sft-matched_c"}}, "against.arm", "`sft-matched_a`"),
        ({"side": {"arm": "base", "model": "nano_j"}}, "side.model", "`nano_i`"),
        ({"side": {"arm": "base", "decoding": "thinking"}}, "side.decoding", "decoding mode of `nano_a`"),
        ({"against": {"arm": "base", "benchmarks": ["dial_train"]}}, "against.benchmarks", "`dial_trained`"),
        ({"benchmarks": ["requests_benign"]}, "benchmarks", "measured on harmful prompts"),
        ({"metric": "accuracy"}, "benchmarks", "['dial_trained', 'dial_longer']"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(changes, key, said):
    with pytest.raises(SafeLRMError) as error:
        planned(of_rl=CLAIM | changes)
    assert error.value.key == f"claims.of_rl.{key}" and said in str(error.value)


def test_claims_need_numbers():
    config = {"name": "empty", "claims": {"one": CLAIM}}
    with pytest.raises(SafeLRMError, match="there are claims, and no numbers"):
        load_study(config, "config.yaml")


def test_a_later_file_leaves_a_claim_out():
    assert [*load_study(default_config() | {"claims": {"one": CLAIM, "two": None}}, "x").claims] == ["one"]


def test_the_published_claims_are_tested_on_seeds_of_their_own():
    """No other configuration of this project has a seed of theirs."""
    files = [ROOT / "config.yaml", *(ROOT / "experiments").glob("*.yaml")]
    own = load_study(read_config([ROOT / "config.yaml", ROOT / "experiments/nano_claims.yaml"], {}), "x")
    fresh = {seed for arm in own.arms for seed in arm.seeds}
    others = {
        seed
        for file in files
        if file.stem != "nano_claims"
        for arm in yaml.safe_load(file.read_text()).get("arms", [])
        for seed in arm["seeds"]
    }
    assert not fresh & others and len(fresh) >= 3
    assert len(own.claims) >= 30 and all(claim.source and claim.smallest_effect for claim in own.claims.values())
