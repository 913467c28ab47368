"""Estimates grow with what they depend on, fit what was measured, and refuse what fits nowhere."""

import copy
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from safelrm.core.errors import SafeLRMError
from safelrm.costs import sizes
from safelrm.costs.engines import EngineCosts
from safelrm.costs.hardware import CPU, GIB, USABLE, gpu
from safelrm.costs.jobs import HOST_BYTES, StudyCosts, nodes_for
from safelrm.costs.sizes import KNOWN, NANO_VOCABULARY, UNKNOWN
from safelrm.costs.table import SMALL, Costs
from safelrm.costs.training import sequences
from safelrm.dag.schema import registered
from safelrm.dag.study import load_study
from safelrm.factory.architectures import new_model
from safelrm.launch import check
from safelrm.settings.execution import ExecutionSettings, Gpu
from safelrm.settings.factory import Architecture
from safelrm.settings.hub import Shape
from safelrm.settings.study import DatasetEntry
from safelrm.settings.training import TrainingSettings
from safelrm.world.tokenizer import build_tokenizer

ROOT = Path(__file__).parents[2]
H100 = {"name": "h100", "memory_gib": 80, "tflops": 989, "bandwidth": 3350}
# mean seconds of a job of the default study, on two cores
MEASURED = {"base": 76.4, "guard": 101.3, "rl": 33.3, "sft": 12.2, "rollouts": 8.9}
SEVEN = Shape(parameters=7.6e9, layers=28, hidden_size=3584, kv_heads=4, head_dim=128, vocabulary=152064)


@pytest.fixture(scope="module")
def default() -> dict:
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.fixture
def config(default) -> dict:
    return copy.deepcopy(default)


def costs(config: dict) -> Costs:
    return Costs(load_study(config, "config.yaml"))


def job(config: dict, rule: str, **changes: str):
    of = {
        "fetch_model": {},
        "base": {"model": "nano_a"},
        "guard": {"guard": "guard_a"},
        "sft": {"model": "nano_a", "recipe": "star1", "seed": "1"},
        "rl": {"model": "nano_a", "recipe": "grpo", "seed": "1"},
        "rollouts": {"model": "nano_a", "arm": "base", "seed": "1"},
        "judge": {"judge": "guard_b", "model": "nano_a"},
    }
    return costs(config).job(rule, of[rule] | changes)


def large(config: dict, monkeypatch, size: Shape = SEVEN, **execution: object) -> dict:
    """The study with all models but guards of this size, on GPUs, with sensible recipes."""
    monkeypatch.setattr(sizes, "model", lambda name, _: sizes.Model(name, size, 2))
    config["execution"] = {"gpu": H100, **execution}
    precise = {"precision": "bfloat16", "gradient_checkpointing": True}
    for recipe in config["sft"].values():
        recipe.update(precise | {"batch_size": 1, "gradient_accumulation": 16, "max_length": 4096})
    config["rl"]["grpo"] |= precise | {"micro_batches": 48, "vllm": {"max_model_length": 2048}}
    config["rollouts"]["dtype"] = "bfloat16"
    return config


@pytest.mark.parametrize("rule", MEASURED)
def test_the_default_study_is_predicted_within_a_factor_of_two(config, rule):
    assert MEASURED[rule] / 2 < job(config, rule).seconds < MEASURED[rule] * 2


@pytest.mark.parametrize(
    ("rule", "path", "value"),
    [
        ("base", ("models", "nano_a", "settings", "architecture"), {"layers": 4}),
        ("base", ("models", "nano_a", "settings", "probe", "passes"), 9),
        ("guard", ("guards", "guard_a", "training", "facts", "batch_size"), 64),
        ("sft", ("sft", "star1", "epochs"), 20),
        ("sft", ("datasets", "star1", "settings", "size"), 400),
        ("sft", ("models", "nano_a", "settings", "architecture"), {"layers": 4}),
        ("rl", ("rl", "grpo", "steps"), 160),
        ("rl", ("rl", "grpo", "group_size"), 16),
        ("rl", ("rl", "grpo", "max_completion_tokens"), 90),
        ("rl", ("rl", "grpo", "kl_coefficient"), 0.1),
        ("rollouts", ("rollouts", "samples"), 4),
        ("rollouts", ("datasets", "dial_longer", "settings", "size"), 900),
        ("judge", ("rollouts", "samples"), 4),
        ("judge", ("guards", "guard_b", "training", "architecture"), {"layers": 4}),
    ],
)
def test_more_work_takes_longer(config, rule, path, value):
    before = job(config, rule).seconds
    *parents, last = path
    section = config
    for key in parents:
        section = section.setdefault(key, {})
    section[last] = value
    assert job(config, rule).seconds > before


@given(st.floats(1e8, 1e11), st.floats(1.01, 10.0), st.floats(1e3, 1e8), st.sampled_from([1, 2, 8]))
def test_time_and_memory_grow_with_parameters_and_tokens(parameters, factor, tokens, gpus):
    processor = gpu(ExecutionSettings.model_validate({"gpu": H100}))
    small = SEVEN.model_copy(update={"parameters": parameters})
    big = SEVEN.model_copy(update={"parameters": parameters * factor})
    settings = TrainingSettings(precision="bfloat16")

    def seconds(size, tokens):
        return (
            processor.training_seconds(size, tokens, 0.0, settings, gpus),
            processor.forward_seconds(size, tokens, float32=False, gpus=gpus),
            processor.generating_seconds(size, 100.0, 50.0, tokens, running=64.0, float32=False, gpus=gpus),
        )

    def memory(size, tokens):
        return (
            processor.training_bytes(size, tokens, settings, gpus),
            processor.engine_bytes(size, tokens, float32=False, gpus=gpus),
        )

    assert all(less < more for less, more in zip(seconds(small, tokens), seconds(big, tokens), strict=True))
    assert all(less < more for less, more in zip(seconds(big, tokens), seconds(big, tokens * factor), strict=True))
    assert all(less < more for less, more in zip(memory(small, tokens), memory(big, tokens), strict=True))
    assert all(less < more for less, more in zip(memory(big, tokens), memory(big, tokens * factor), strict=True))


def test_training_holds_weights_gradients_and_moments_in_float32():
    processor = gpu(ExecutionSettings.model_validate({"gpu": H100}))
    used = processor.training_bytes(SEVEN, 0.0, TrainingSettings(), 1) - processor.overhead
    assert used == 16 * SEVEN.parameters
    assert processor.training_bytes(SEVEN, 0.0, TrainingSettings(), 8) - processor.overhead == used / 8


def test_active_parameters_set_the_time_and_all_of_them_the_memory():
    mixture = SEVEN.model_copy(update={"active_parameters": 1e9})
    settings = TrainingSettings()
    assert CPU.training_seconds(mixture, 1e6, 1.0, settings, 1) < CPU.training_seconds(SEVEN, 1e6, 1.0, settings, 1)
    assert CPU.training_bytes(mixture, 1.0, settings, 1) == CPU.training_bytes(SEVEN, 1.0, settings, 1)


def test_all_rollouts_fit_into_memory(config):
    before = costs(config)
    config["rollouts"]["samples"] = 50
    after = costs(config)
    for rule in ("samples", "metrics", "compare", "calibrate"):
        assert after.job(rule, {}).host > 2 * before.job(rule, {}).host
    assert after.job("table", {}) == before.job("table", {})


def test_a_cpu_job_asks_for_no_gpu(config):
    needed = job(config, "rl")
    assert (needed.gpus, needed.nodes, needed.gpu_bytes) == (0, 1, 0.0)


@pytest.mark.parametrize("rule", ["sft", "rl", "rollouts"])
def test_as_many_gpus_as_memory_needs(config, monkeypatch, rule):
    needed = job(large(config, monkeypatch), rule)
    assert needed.gpus in (1, 2, 4, 8)
    assert needed.gpu_bytes <= H100["memory_gib"] * GIB * USABLE
    config["execution"]["gpu"] = H100 | {"memory_gib": 160}
    assert job(config, rule).gpus <= needed.gpus


def test_jobs_over_several_nodes(config, monkeypatch):
    config = large(config, monkeypatch, gpus_per_node=1, nodes=4)
    needed = job(config, "sft")
    assert needed.gpus > 1
    assert needed.nodes == needed.gpus
    assert job(config, "rollouts").nodes == 1


@given(
    gpus=st.integers(0, 12).map(lambda power: 2**power),
    per_node=st.integers(1, 20),
    nodes=st.integers(1, 20),
)
def test_gpus_are_spread_over_the_fewest_nodes_that_share_them_evenly(gpus, per_node, nodes):
    execution = ExecutionSettings(gpus_per_node=per_node, nodes=nodes)
    fitting = [count for count in range(1, nodes + 1) if gpus % count == 0 and gpus / count <= per_node]
    assert nodes_for(gpus, execution) == min(fitting, default=None)


class Planned(StudyCosts):
    """The planning of jobs alone, without a study."""

    def __init__(self, execution: ExecutionSettings) -> None:
        self.study = SimpleNamespace(execution=execution)
        self.on = gpu(execution)


@given(per_node=st.integers(1, 20), nodes=st.integers(1, 20), needed=st.integers(1, 500))
@example(per_node=6, nodes=3, needed=9)
def test_what_is_planned_the_launcher_accepts(per_node, nodes, needed):
    planned = Planned(ExecutionSettings(gpu=Gpu(**H100), gpus_per_node=per_node, nodes=nodes))
    weight = planned.on.memory * needed
    try:
        gpus, used = planned.fit(lambda count: weight / count, sizes.Model("large", SEVEN, 2), "sft.large")
    except SafeLRMError as error:
        assert error.key == "sft.large"
        return
    job = planned.placed(1.0, gpus, used, host=0.0, disk=0.0)
    check("safelrm.sft", job.gpus, job.nodes)
    assert job.gpus / job.nodes <= per_node
    assert job.nodes <= nodes
    assert job.host == job.gpus / job.nodes * HOST_BYTES


def test_gpus_that_nodes_cannot_share_are_passed_over(config, monkeypatch):
    # 8 GPUs are shared by 2 nodes of 6, 16 by no 3 nodes
    config = large(config, monkeypatch, gpus_per_node=6, nodes=3)
    config["execution"]["gpu"] = H100 | {"memory_gib": 60}
    assert (job(config, "sft").gpus, job(config, "sft").nodes) == (4, 1)
    config["execution"]["gpu"] = H100 | {"memory_gib": 40}
    assert (job(config, "sft").gpus, job(config, "sft").nodes) == (8, 2)
    config["execution"]["gpu"] = H100 | {"memory_gib": 28}
    with pytest.raises(SafeLRMError, match=r"does not fit: .* each of 8 "):
        costs(config)


@pytest.mark.parametrize("rule", ["sft", "rl"])
def test_jobs_over_several_nodes_tell_the_plugin_of_slurm_so(config, monkeypatch, rule):
    one = {"gpu", "cpus_per_gpu", "nodes", "mem_mb", "runtime", "disk_mb"}
    given_to = {"model": "nano_a", "recipe": "star1" if rule == "sft" else "grpo", "seed": "1"}

    def asked(of: str, wildcards: dict) -> dict:
        found = costs(config).resources(of)
        values = {name: found[name](wildcards) for name in found if name not in ("mem_mb", "runtime")}
        # what is None, Snakemake leaves out
        return {name: value for name, value in values.items() if value is not None}

    config = large(config, monkeypatch, gpus_per_node=1, nodes=4)
    several = asked(rule, given_to)
    assert several["nodes"] > 1
    assert several["mpi"] == "srun"
    assert several["tasks"] == several["nodes"]
    assert several["tasks_per_gpu"] == 0
    assert set(costs(config).resources("rollouts")) == one
    # a study with nodes to spare, and a job that needs one
    config["execution"] |= {"gpus_per_node": 8}
    assert set(asked(rule, given_to)) <= one
    config["execution"] |= {"nodes": 1}
    assert set(costs(config).resources(rule)) == one


def test_a_model_of_a_hub_is_as_large_as_its_shape_says(config):
    hub = {"repo": "owner/model", "revision": "0" * 40, "shape": SEVEN.model_dump()}
    config["models"]["nano_a"] = {"hub": hub}
    config["guards"]["guard_a"] = {
        "hub": hub | {"repo": "owner/guard"},
        "reading": config["guards"]["guard_a"]["reading"],
    }
    for rule in ("base", "guard", "fetch_model"):
        repos = ("owner--model", "owner--guard") if rule == "fetch_model" else (None,)
        for repo in repos:
            needed = job(config, rule, **({"repo": repo} if repo else {}))
            assert needed.gpus == 0
            assert 2 * SEVEN.parameters < needed.disk < 2.1 * SEVEN.parameters
    assert job(config, "judge").host < 4 * GIB
    assert job(config, "judge", judge="guard_a").host > 15 * GIB


def test_a_model_that_fits_nowhere_is_one_error_before_any_job(config, monkeypatch):
    size = SEVEN.model_copy(update={"parameters": 400e9})
    with pytest.raises(SafeLRMError) as caught:
        costs(large(config, monkeypatch, size))
    text = str(caught.value)
    assert all(part in text for part in ("`nano_a`", "400 billion", "h100", "fix:", "execution")), text


def test_rl_without_vllm_has_one_gpu(config, monkeypatch):
    config = large(config, monkeypatch)
    del config["rl"]["grpo"]["vllm"]
    with pytest.raises(SafeLRMError, match=r"rl\.grpo.*does not fit"):
        costs(config)


def test_a_guard_in_bfloat16_takes_less_of_rl(config, monkeypatch):
    config = large(config, monkeypatch)
    config["rl"]["grpo"]["guard_dtype"] = "float32"
    before = job(config, "rl")
    config["rl"]["grpo"]["guard_dtype"] = "bfloat16"
    after = job(config, "rl")
    assert after.seconds < before.seconds
    assert after.gpu_bytes < before.gpu_bytes


def test_samples_hold_the_texts_of_one_run_at_a_time(config):
    rows, tokens = EngineCosts(load_study(config, "config.yaml")).all_rollouts()
    for arm in config["arms"]:
        arm["seeds"] = [*arm["seeds"], 11, 12]
    more_rows, as_many_tokens = EngineCosts(load_study(config, "config.yaml")).all_rollouts()
    assert more_rows > rows
    assert as_many_tokens == tokens


@pytest.mark.parametrize(
    ("passes", "size", "gpus", "expected"),
    [(8, 1, 4, 1), (1, 16, 4, 4), (6, 4, 4, 2), (1, 1, 2, float("inf")), (1, 16, 1, 16)],
)
def test_a_step_is_shared_by_passes_first(passes, size, gpus, expected):
    assert sequences(passes, size, gpus) == expected


@pytest.mark.parametrize("rule", [*MEASURED, "judge", *(set(SMALL) - {"all", "fetch_all"})])
def test_resources_grow_with_the_attempt(config, rule):
    given_to = {"model": "nano_a", "recipe": "star1", "seed": "1", "arm": "base", "guard": "guard_a", "judge": "exact"}
    if rule == "rl":
        given_to["recipe"] = "grpo"
    resources = costs(config).resources(rule)
    assert set(resources) == {"gpu", "nodes", "mem_mb", "runtime", "disk_mb"}
    for name in ("mem_mb", "runtime"):
        first, second = (resources[name](given_to, attempt=attempt) for attempt in (1, 2))
        assert 0 < first < second
    assert resources["runtime"](given_to, attempt=1) * 60 > costs(config).job(rule, given_to).seconds
    assert resources["disk_mb"](given_to) > 0


def test_no_attempt_asks_for_more_than_the_cluster_has(config, monkeypatch):
    config = large(config, monkeypatch, longest_runtime=90, node_memory_gib=200.0)
    resources, of = costs(config).resources("rl"), {"model": "nano_a", "recipe": "grpo", "seed": "1"}
    asked = [
        (resources["runtime"](of, attempt=attempt), resources["mem_mb"](of, attempt=attempt)) for attempt in (1, 9)
    ]
    assert asked[0] <= asked[1] == (90, int(200.0 * GIB / 1e6))


def test_cores_come_with_gpus(config, monkeypatch):
    of = {"model": "nano_a", "recipe": "grpo", "seed": "1", "judge": "exact"}
    assert "cpus_per_gpu" not in costs(config).resources("rl")
    config = large(config, monkeypatch, cpus_per_gpu=6)
    assert costs(config).resources("rl")["cpus_per_gpu"](of) == 6
    assert costs(config).resources("judge")["cpus_per_gpu"](of) == 0


def test_the_size_of_a_nano_model_is_that_of_its_architecture():
    tokenizer = build_tokenizer("family_a")
    assert len(tokenizer) == NANO_VOCABULARY
    for settings in ({}, {"kind": "granite"}, {"layers": 3, "hidden_size": 64, "heads": 4, "kv_heads": 2}):
        architecture = Architecture.model_validate(settings)
        made = new_model(architecture, tokenizer)
        assert sizes.shape(architecture).parameters == pytest.approx(made.num_parameters(), rel=0.01)


def test_every_source_has_its_row_counts():
    offered = {name for name, _ in registered() if name.startswith("safelrm.sources.")}
    assert offered - set(KNOWN) == set()
    assert sizes.texts(DatasetEntry(source="safelrm.sources.not_known")) == UNKNOWN


@pytest.mark.parametrize(
    ("source", "settings", "rows"),
    [
        ("world_requests", {"kind": "harmful", "split": "train", "size": 70, "seed": 1}, 70),
        ("xstest", {"labels": ["safe"]}, 250),
        ("harmbench", {"functions": ["standard", "contextual"]}, 300),
        ("math500", {}, 500),
        ("dolly", {"size": 300, "seed": 1}, 300),
    ],
)
def test_the_size_of_a_data_set_is_read_from_its_settings(source, settings, rows):
    assert sizes.texts(DatasetEntry(source=f"safelrm.sources.{source}", settings=settings)).rows == rows
