"""Jobs ask for as many GPUs, nodes and cores as they need and the launcher accepts; what fits nowhere is refused."""

import pytest
from costs_fixtures import H100, MEASURED, SEVEN, costs, default_config, job, large
from hypothesis import example, given
from hypothesis import strategies as st

from safelrm.core.errors import SafeLRMError
from safelrm.dag.costs.processors import GIB, HOST_BYTES, USABLE, Batches, fewest_gpus, nodes_for, processor
from safelrm.dag.costs.sizes import SizedModel
from safelrm.dag.costs.small import SMALL
from safelrm.dag.execution import ExecutionSettings, Gpu
from safelrm.operations.launch import check


@pytest.fixture
def config() -> dict:
    return default_config()


def test_a_cpu_job_asks_for_no_gpu(config):
    needed = job(config, "rl")
    assert (needed.gpus, needed.nodes, needed.gpu_bytes) == (0, 1, 0.0)


@pytest.mark.parametrize("rule", ["sft", "rl", "rollouts"])
def test_as_many_gpus_as_memory_needs(config, rule):
    needed = job(large(config), rule)
    assert needed.gpus in (1, 2, 4, 8)
    assert needed.gpu_bytes <= H100["memory_gib"] * GIB * USABLE
    config["execution"]["gpu"] = H100 | {"memory_gib": 160}
    assert job(config, rule).gpus <= needed.gpus


def test_jobs_over_several_nodes(config):
    config = large(config, gpus_per_node=1, nodes=4)
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


@given(per_node=st.integers(1, 20), nodes=st.integers(1, 20), needed=st.integers(1, 500))
@example(per_node=6, nodes=3, needed=9)
def test_what_is_planned_the_launcher_accepts(per_node, nodes, needed):
    execution = ExecutionSettings(gpu=Gpu(**H100), gpus_per_node=per_node, nodes=nodes)
    weight = processor(execution).memory * needed
    try:
        fit = fewest_gpus(lambda count: weight / count, execution, SizedModel("large", SEVEN, 1.0), "sft.large")
    except SafeLRMError as error:
        assert error.key == "sft.large"
        return
    job = fit.job(1.0, host=0.0)
    check("safelrm.training.sft", job.gpus, job.nodes)
    assert job.gpus / job.nodes <= per_node
    assert job.nodes <= nodes
    assert job.host == job.gpus / job.nodes * HOST_BYTES


def test_gpus_that_nodes_cannot_share_are_passed_over(config):
    # 8 GPUs are shared by 2 nodes of 6, 16 by no 3 nodes
    config = large(config, gpus_per_node=6, nodes=3)
    config["execution"]["gpu"] = H100 | {"memory_gib": 60}
    assert (job(config, "sft").gpus, job(config, "sft").nodes) == (4, 1)
    config["execution"]["gpu"] = H100 | {"memory_gib": 40}
    assert (job(config, "sft").gpus, job(config, "sft").nodes) == (8, 2)
    config["execution"]["gpu"] = H100 | {"memory_gib": 28}
    with pytest.raises(SafeLRMError, match=r"does not fit: .* each of 8 "):
        costs(config)


@pytest.mark.parametrize("rule", ["sft", "rl"])
def test_jobs_over_several_nodes_tell_the_plugin_of_slurm_so(config, rule):
    one = {"gpu", "cpus_per_gpu", "nodes", "mem_mb", "runtime", "disk_mb"}
    given_to = {"model": "nano_a", "recipe": "star1" if rule == "sft" else "grpo", "seed": "1"}

    def asked(of: str, wildcards: dict) -> dict:
        found = costs(config).resources(of)
        values = {name: found[name](wildcards) for name in found if name not in ("mem_mb", "runtime")}
        # what is None, Snakemake leaves out
        return {name: value for name, value in values.items() if value is not None}

    config = large(config, gpus_per_node=1, nodes=4)
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


def test_a_model_that_fits_nowhere_is_one_error_before_any_job(config):
    size = SEVEN.model_copy(update={"parameters": 400e9})
    with pytest.raises(SafeLRMError) as caught:
        costs(large(config, size))
    text = str(caught.value)
    assert all(part in text for part in ("`nano_a`", "400 billion", "h100", "fix:", "execution")), text


def test_a_guard_that_is_only_validated_is_no_exception(config):
    config = large(config)
    shape = SEVEN.model_copy(update={"parameters": 400e9}).model_dump()
    reading = config["guards"]["guard_b"]["reading"]
    config["guards"]["whale"] = {"hub": {"repo": "a/whale", "revision": "0" * 40, "shape": shape}, "reading": reading}
    config["judges"]["whale"] = {"module": "safelrm.judging.guard", "guard": "whale"}
    config["arms"], config["metrics"], config["calibration"], config["validation"] = [], None, None, {}
    costs(config)
    config["validation"] = {"check": {"judges": ["whale"], "labelled": ["star1"]}}
    with pytest.raises(SafeLRMError, match=r"guards\.whale: .*does not fit"):
        costs(config)


def test_rl_without_vllm_has_one_gpu(config):
    config = large(config)
    del config["rl"]["grpo"]["vllm"]
    with pytest.raises(SafeLRMError, match=r"rl\.grpo.*does not fit"):
        costs(config)


@pytest.mark.parametrize(
    ("passes", "size", "gpus", "expected"),
    [(8, 1, 4, 1), (1, 16, 4, 4), (6, 4, 4, 2), (1, 1, 2, float("inf")), (1, 16, 1, 16)],
)
def test_a_step_is_shared_by_passes_first(passes, size, gpus, expected):
    assert Batches(1.0, 1.0, 1.0, passes, size).sequences(gpus) == expected


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


def test_no_attempt_asks_for_more_than_the_cluster_has(config):
    config = large(config, longest_runtime=90, node_memory_gib=200.0)
    resources, of = costs(config).resources("rl"), {"model": "nano_a", "recipe": "grpo", "seed": "1"}
    asked = [
        (resources["runtime"](of, attempt=attempt), resources["mem_mb"](of, attempt=attempt)) for attempt in (1, 9)
    ]
    assert asked[0] <= asked[1] == (90, int(200.0 * GIB / 1e6))


def test_cores_come_with_gpus(config):
    of = {"model": "nano_a", "recipe": "grpo", "seed": "1", "judge": "exact"}
    assert "cpus_per_gpu" not in costs(config).resources("rl")
    config = large(config, cpus_per_gpu=6)
    assert costs(config).resources("rl")["cpus_per_gpu"](of) == 6
    assert costs(config).resources("judge")["cpus_per_gpu"](of) == 0
