"""How stages are started: in this process, on several nodes, on an engine that is split."""

import json
import os
import socket
import subprocess
import sys

import pytest
from launch_fixtures import PYTHON, WORKFLOW, environment

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import GPUS, RUNNER, TIMINGS
from safelrm.operations.launch import check, free_port, srun_command


def launch(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "safelrm.operations.launch", *arguments]
    return subprocess.run(command, env=environment(**variables), capture_output=True, text=True, check=False)


def test_one_process_is_the_stage_itself(tmp_path):
    settings = {"chain_lengths": [2], "split": "train", "size": 3, "seed": 1}
    stage = ["safelrm.data.curate", "--source", "safelrm.nano.sources.dial", "--settings", json.dumps(settings)]
    timings = tmp_path / "timings.jsonl"
    outputs = [tmp_path / "direct.parquet", tmp_path / "launched.parquet"]
    command = [sys.executable, "-m", *stage, "--output", str(outputs[0])]
    subprocess.run(command, env=environment(), check=True)
    done = launch("--gpus", "0", "--nodes", "1", "--", *stage, "--output", str(outputs[1]), **{TIMINGS: str(timings)})
    assert done.returncode == 0, done.stderr
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert json.loads(timings.read_text())["stage"] == "curate"


def test_the_launcher_imports_nothing_heavy():
    look = (
        "import sys, safelrm.operations.launch\nprint({'torch', 'numpy', 'pydantic', 'accelerate'} & set(sys.modules))"
    )
    done = subprocess.run([*PYTHON, look], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("stage", "gpus", "expected"),
    [
        # engines have one thread each, training has the threads that Snakemake names
        ("safelrm.judging.judge", "0", "3 1"),
        ("safelrm.training.sft", "0", "3 7"),
        ("safelrm.training.sft", "1", "1 7"),
    ],
)
def test_a_stage_knows_its_cores(stage, gpus, expected):
    look = (
        "import os, runpy, sys\nfrom safelrm.operations import launch\nlaunch.claim_devices = lambda count: []\n"
        "runpy.run_module = lambda *_, **__: print(os.environ['SAFELRM_CORES'], os.environ['OMP_NUM_THREADS'])\n"
        f"sys.argv = ['launch', '--gpus', '{gpus}', '--nodes', '1', '--cores', '3', '--', '{stage}']\nlaunch.main()"
    )
    given = environment(OMP_NUM_THREADS="7")
    done = subprocess.run([*PYTHON, look], env=given, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_the_stage_s_error_and_status_are_the_launcher_s():
    done = launch("--gpus", "1", "--nodes", "1", "--", "safelrm.data.curate", "--source", "safelrm.data.sources.none")
    direct = subprocess.run(
        [sys.executable, "-m", "safelrm.data.curate", "--source", "safelrm.data.sources.none"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == direct.returncode != 0
    assert done.stderr == direct.stderr


@pytest.mark.parametrize(
    ("stage", "gpus", "nodes", "key"),
    [
        ("safelrm.training.sft", -1, 1, "gpu"),
        ("safelrm.training.sft", 2, 0, "gpu"),
        ("safelrm.training.rl", 3, 2, "nodes"),
        ("safelrm.training.rl", 0, 2, "nodes"),
        ("safelrm.generation.rollouts", 8, 2, "nodes"),
        ("safelrm.judging.judge", 2, 2, "nodes"),
        ("safelrm.models.base", 2, 1, "gpu"),
    ],
)
def test_what_cannot_run_is_refused(stage, gpus, nodes, key):
    with pytest.raises(SafeLRMError) as error:
        check(stage, gpus, nodes)
    assert error.value.key == key
    assert error.value.fix


def test_what_can_run_is_not():
    for stage, gpus, nodes in [
        ("safelrm.training.sft", 16, 2),
        ("safelrm.generation.rollouts", 8, 1),
        ("safelrm.models.base", 1, 1),
    ]:
        check(stage, gpus, nodes)


# starts a launcher on two nodes, which are this machine, as srun does for `--nodes=2`; the second one first
SRUN = """#!/bin/sh
while test "${1#--}" != "$1"; do shift; done
export SLURM_LAUNCH_NODE_IPADDR=ADDRESS
SLURM_NODEID=1 SLURMD_NODENAME=gpu04 "$@" &
SLURM_NODEID=0 SLURMD_NODENAME=gpu03 "$@"
first=$?
wait $! && exit $first
"""
# a training that says where it is
PLACE = """
import os
print(*(os.environ[name] for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")), flush=True)
open(f"rank{os.environ['RANK']}", "w").write(os.environ["MASTER_ADDR"] + ":" + os.environ["MASTER_PORT"])
assert int(os.environ["SAFELRM_RUNNER"]) != 1
"""


@pytest.fixture
def cluster(tmp_path):
    """Launch a training of four processes on two nodes of a SLURM job."""

    def launch(address="127.0.0.1", **variables):
        srun = tmp_path / "bin/srun"
        stage = tmp_path / "sitecustomize.py"
        srun.parent.mkdir()
        srun.write_text(SRUN.replace("ADDRESS", address))
        srun.chmod(0o755)
        # in place of the stage
        stage.write_text(f"import os\nif 'RANK' in os.environ:\n    exec({PLACE!r})\n    os._exit(0)\n")
        path = {"PATH": f"{srun.parent}:{os.environ['PATH']}", "PYTHONPATH": f"{tmp_path}:{WORKFLOW}"}
        command = [sys.executable, "-m", "safelrm.operations.launch", "--gpus", "4", "--nodes", "2"]
        return subprocess.run(
            [*command, "--", "safelrm.training.sft", "--code", "a b"],
            env=environment(**path | variables),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return launch


def test_launchers_of_all_nodes_agree_where_to_meet(cluster, tmp_path):
    # below Snakemake's plugin the number of the job may be all that the environment tells;
    # a process id of the first node means nothing on the others
    done = cluster(SLURM_JOB_ID="123456", **{RUNNER: str(os.getpid())})
    assert done.returncode == 0, done.stderr
    (meeting,) = {(tmp_path / f"rank{rank}").read_text() for rank in range(4)}
    assert meeting.startswith("127.0.0.1:")
    for node, name in enumerate(("gpu03", "gpu04")):
        assert f"node {node} ({name}): 2 of 4 processes, which meet at {meeting}" in done.stderr
    # the first process of the job speaks
    assert done.stdout.split()[:4] == ["0", "0", "4", "127.0.0.1"]
    assert len(done.stdout.splitlines()) == 1


def test_a_job_that_does_not_start_on_its_first_node_is_refused(cluster):
    # an address for documentation, which no machine has
    done = cluster(address="192.0.2.1", SLURM_JOB_ID="7")
    assert done.returncode == 1
    assert "error: nodes: node 0 (gpu03) cannot listen: Cannot assign requested address" in done.stderr
    assert "fix: start the job on its first node" in done.stderr


def test_a_port_that_is_taken_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(OSError):
            free_port("127.0.0.1", server.getsockname()[1])
        assert free_port() != server.getsockname()[1]


def test_one_launcher_is_started_per_node():
    command = srun_command(2, ["python", "-m", "safelrm.operations.launch"])
    assert command[0] == "srun"
    assert {"--overlap", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--kill-on-bad-exit=1"} <= set(command)
    # or a site's WaitTime would end the first node while it writes
    assert "--wait=0" in command
    assert command[-3:] == ["python", "-m", "safelrm.operations.launch"]


@pytest.mark.parametrize("variables", [{}, {"SLURM_JOB_ID": "7", "PATH": "/nowhere"}])
def test_several_nodes_need_a_cluster(variables):
    done = launch("--gpus", "2", "--nodes", "2", "--", "safelrm.training.sft", **variables)
    assert done.returncode == 1
    assert "error: nodes: several nodes need a SLURM job with srun" in done.stderr
    assert "fix: " in done.stderr


@pytest.mark.parametrize(("cuda", "gpus", "parts"), [(True, "4", 4), (True, "1", 1), (True, "0", 1), (False, "2", 1)])
def test_an_engine_is_split_over_the_job_s_gpus(cuda, gpus, parts, monkeypatch, tmp_path):
    import torch  # noqa: PLC0415
    from transformers import Qwen3Config  # noqa: PLC0415

    from safelrm.inference import engine as vllm_engine  # noqa: PLC0415

    given = {}
    fake = type(sys)("vllm")
    fake.LLM = lambda **arguments: given.update(arguments)
    monkeypatch.setitem(sys.modules, "vllm", fake)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(os, "environ", dict(os.environ) | {GPUS: gpus})
    Qwen3Config().save_pretrained(tmp_path)
    vllm_engine.start_engine(tmp_path, dtype="bfloat16", max_model_length=64)
    assert given.get("tensor_parallel_size", 1) == parts
    assert ("kv_cache_memory_bytes" in given) is not cuda
