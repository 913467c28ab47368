"""Claims and numbers of the tables reflection and entropy are traced to their samples, files and settings."""

import itertools
from pathlib import Path

import pandas as pd
import pytest
from claim_fixtures import CLAIM
from costs_fixtures import default_config
from metrics_fixtures import ALL_SAFE, HARMFUL, Run, frames

from safelrm.analysis.claim_effects import measured_values
from safelrm.analysis.claims import claims
from safelrm.analysis.claims_schemas import CLAIMS
from safelrm.analysis.claims_settings import ClaimsJobSettings
from safelrm.analysis.entropy_schemas import ENTROPIES
from safelrm.analysis.files import DECIMALS
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import ANALYSES
from safelrm.analysis.settings import TableSettings
from safelrm.analysis.trajectory_schemas import TRAJECTORIES
from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.generation.schemas import ROLLOUT_KEY, SAMPLES
from safelrm.judging.schemas import VERDICTS
from safelrm.operations.provenance import chosen_number, read_table, require_same, results_of, samples_with_texts
from safelrm.operations.remaking import TABLES
from safelrm.operations.trails import trail
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import entropy, reflection

RESULTS = Path("results/nano")
BENCHMARKS = {"harmful_set": "requests_harmful", "benign_set": "requests_benign", "reasoning_set": "dial_trained"}
JUDGES = {"guard": "guard_b", "refusal": "help", "exact": "exact"}
BIGGER = CLAIM | {"smallest_effect": 0.2}
OF_ANALYSIS = BIGGER | {"metric": "analyses.reflection.reflections", "says": "RL reflects more."}
CHANGES = {
    "arms": [
        {"model": "nano_a", "method": "base", "seeds": [1]},
        {"model": "nano_a", "method": "rl", "recipe": "grpo", "seeds": [1, 2]},
    ],
    "claims": {"safer": BIGGER, "reflects": OF_ANALYSIS},
    "trajectories": {
        **{"guard": "guard_b", "models": ["nano_a"], "benchmarks": ["requests_harmful"], "prompts": 8},
        "markers": ["but"],
    },
    "entropies": {"benchmarks": ["requests_harmful"], "prompts": 8, "markers": ["but"]},
    "tables": {name: {"module": f"safelrm.reporting.sheets.{name}"} for name in ("reflection", "entropy")},
}
OF_RL = {"model": "nano_a", "arm": "rl-grpo", "decoding": "default", "kind": "harmful"}
REFLECTIONS = OF_RL | {"number": "reflections"}
FOLLOWED = OF_RL | {"number": "followed_by_safety"}


def measured(samples: pd.DataFrame) -> pd.DataFrame:
    """Reflections of every sample: none to two, and one more after RL."""
    number = (samples.prompt_id.str.rpartition("-")[2].astype(int) % 3 + (samples.arm == "rl-grpo")).astype(float)
    named = samples[[*ROLLOUT_KEY, "kind", "category"]]
    return named.assign(analysis="reflection", part="t", measure="reflections", value=number)


def sentences(samples: pd.DataFrame) -> pd.DataFrame:
    """Two sentences of every trace, of which the first reflects; what follows is safe in the even prompts."""
    rows = []
    for sample, sentence in itertools.product(samples.to_dict("records"), (1, 2)):
        is_first, is_safe = sentence == 1, int(sample["prompt_id"].rpartition("-")[2]) % 2 == 0
        rows.append(
            {name: sample[name] for name in (*ROLLOUT_KEY, "kind", "category")}
            | {"guard": "guard_b", "sentence": sentence, "share": sentence / 2, "reflection": is_first}
            | {"p_safe": 0.2 if is_first else 0.9 if is_safe else 0.2}
            | {"change": (0.7 if is_safe else 0.0) if is_first else None}
            | {"turn": "safe" if is_safe and not is_first else None}
            | {"follows": ("safety" if is_safe else "neither") if is_first else None}
        )
    return pd.DataFrame(rows)


def entropies(samples: pd.DataFrame) -> pd.DataFrame:
    """Entropies of every sample, with a longer one of each second prompt; a base has none of its base."""
    long = samples.prompt_id.str.rpartition("-")[2].astype(int) % 2 + 1.0
    of_base = (long * 0.3).where(samples.arm != "base")
    return samples[[*ROLLOUT_KEY, "kind", "category"]].assign(
        **{"temperature": 1.0, "tokens": 10, "resplit": False, "entropy": long / 7, "base_entropy": of_base},
        **{"kl": of_base, "top_tokens": 2, "top_entropy": long / 3, "top_share": 0.5, "threshold": 0.1},
        **{"reflections": 0, "reflection_entropy": None, "reflection_base_entropy": None},
    )


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Plan:
    config = default_config() | CHANGES
    config["metrics"] |= {"language_judge": None, "reference_model": None}
    config["analyses"]["reflection"] = {
        **{"module": "safelrm.analysis.traces.reflection", "judges": ["guard_b"], "settings": {"markers": ["but"]}}
    }
    plan = Plan(load_study(config, "config.yaml"))
    monkeypatch.chdir(tmp_path)
    runs = [Run("base", 1, "nano_a", "default", HARMFUL)]
    runs += [Run("rl-grpo", seed, "nano_a", "default", ALL_SAFE) for seed in (1, 2)]
    samples, verdicts = (rows.replace({"benchmark": BENCHMARKS}) for rows in frames(*runs, times=10))
    verdicts["judge"] = verdicts.judge.map(JUDGES)
    SAMPLES.write(RESULTS / "samples.parquet", samples)
    for judge, rows in verdicts.groupby("judge"):
        VERDICTS.write(RESULTS / f"verdicts/{judge}/nano_a.parquet", rows)
    harmful = samples[samples.kind == "harmful"]
    counted, followed, uncertain = measured(samples), sentences(harmful), entropies(harmful)
    ANALYSES.write(RESULTS / "analyses/reflection/nano_a.parquet", counted)
    TRAJECTORIES.write(RESULTS / "trajectory/nano_a.parquet", followed)
    for (arm, seed), rows in uncertain.groupby(["arm", "seed"]):
        ENTROPIES.write(RESULTS / f"entropies/nano_a/{arm}/seed{seed}.parquet", rows)
    settings = ClaimsJobSettings.model_validate_json(plan.claims.settings())
    values = pd.concat([outcomes(samples, verdicts, settings), measured_values([counted])], ignore_index=True)
    CLAIMS.write(RESULTS / "claims.parquet", claims(values, settings))
    told = TableSettings.model_validate_json(plan.tables.settings())
    given = {"analyses.reflection": counted, "trajectories": followed, "entropies": uncertain}
    for name, sheet in {"reflection": reflection, "entropy": entropy}.items():
        rows = sheet.rows(Results(given, told))
        sheet.TABLE.write_csv(RESULTS / f"tables/{name}.csv", rows.round(DECIMALS))
    return plan


@pytest.mark.parametrize(
    ("name", "wanted", "column", "value", "behind", "named"),
    [
        # one of three answers of the base that are scored is safe
        ("claims", {"claim": "safer"}, "verdict", "supported", 120, ["verdicts/guard_b/nano_a.parquet", "judge  "]),
        ("claims", {"claim": "reflects"}, "effect", 1.0, 120, ["analyses/reflection/nano_a.parquet", "measured by"]),
        ("reflection", REFLECTIONS, "n", 80, 80, ["analyses/reflection/nano_a.parquet", "verdicts/guard_b"]),
        ("reflection", FOLLOWED, "value", 0.5, 80, ["trajectory/nano_a.parquet", "guards/guard_b/manifest.json"]),
        ("reflection", OF_RL | {"number": "unread"}, "value", 0.0, 160, ["trajectory/nano_a.parquet"]),
        ("entropy", OF_RL, "n", 80, 80, ["entropies/nano_a/rl-grpo/seed1.parquet", "seed2.parquet", "taken  "]),
    ],
)
def test_a_number_is_made_again_with_what_is_behind_it(plan, name, wanted, column, value, behind, named):
    results, table = results_of(plan), TABLES[name]
    rows, file = read_table(name, results.folder)
    number = chosen_number(rows, table, wanted)
    assert number[column] == value
    require_same(number, results.remade(number), table, file)
    said = "\n".join(trail(number, table, results, plan))
    runs = ["rollouts/nano_a/rl-grpo/seed2.parquet", "checkpoints/nano_a/rl-grpo/seed2/manifest.json", "runs  "]
    assert [part for part in (*named, *runs) if part not in said] == []
    assert ("runs           nano_a base" in said) == (name == "claims")
    samples = samples_with_texts(number, results, plan)
    assert len(samples) == behind
    wrong = number.copy()
    wrong[column] = "undecided" if isinstance(value, str) else value + 0.25
    with pytest.raises(SafeLRMError, match=f"{column}: the verdicts give"):
        require_same(wrong, results.remade(number), table, file)


def test_the_sides_of_a_claim_give_its_effect(plan):
    results = results_of(plan)
    number = chosen_number(read_table("claims", results.folder)[0], CLAIMS, {"claim": "safer"})
    samples = samples_with_texts(number, results, plan)
    # the base's t+y: unsafe, unsafe, safe, unscored; the prompts that RL has as well
    scored = samples[samples.value.notna()].groupby(["prompt_id", "arm"]).value.mean().unstack().dropna()
    assert (scored["rl-grpo"] - scored["base"]).mean() == pytest.approx(number.effect) == pytest.approx(2 / 3)
    assert {"verdict", "score", "state"} <= {*samples}


@pytest.mark.parametrize(
    ("name", "wanted", "key", "fix"),
    [
        ("claims", {"claim": "faster"}, "--claim", "['reflects', 'safer']"),
        ("claims", {}, "--claim", "['reflects', 'safer']"),
        ("claims", {"arm": "base"}, "--arm", "['claim', 'model']"),
        ("reflection", OF_RL, "--number", "'followed_by_safety'"),
        ("reflection", REFLECTIONS | {"number": "sighs"}, "--number", "'reflections'"),
        ("entropy", OF_RL | {"temperature": "0.5"}, "--temperature", "[1.0]"),
        ("entropy", OF_RL | {"arm": "sft-star1"}, "--arm", "['base', 'rl-grpo']"),
    ],
)
def test_a_row_that_is_not_there_is_told_with_the_choices(plan, name, wanted, key, fix):
    rows, _ = read_table(name, results_of(plan).folder)
    with pytest.raises(SafeLRMError) as error:
        chosen_number(rows, TABLES[name], wanted)
    assert error.value.file == key and fix in error.value.fix


@pytest.mark.parametrize(("name", "file"), [("claims", "claims.parquet"), ("entropy", "tables/entropy.csv")])
def test_a_table_that_is_not_there_is_named(plan, name, file):
    (RESULTS / file).unlink()
    with pytest.raises(SafeLRMError) as error:
        read_table(name, results_of(plan).folder)
    assert str(error.value.file) == f"results/nano/{file}" and error.value.fix
