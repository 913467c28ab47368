"""How stages are started: in this process, on several nodes, on an engine that is split."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from launch_fixtures import PYTHON, environment

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import GPUS, RUNNER, TIMINGS
from safelrm.operations.launch import check
from safelrm.operations.launching import slurm


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


def program(path: Path, answers: str) -> None:
    """Write a program that answers some arguments, and fails with others."""
    path.write_text(f'#!/bin/sh\ncase "$*" in {answers} *) echo "no such thing" >&2; exit 1;; esac\n')
    path.chmod(0o755)


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    """A SLURM job, as it is below Snakemake's plugin: its number is all that the environment tells."""
    program(tmp_path / "squeue", '"--noheader --jobs 123456 --format %N") echo "gpu[03-04]";;')
    hostnames, node = '"show hostnames gpu[03-04]") printf "gpu03\\ngpu04\\n";;', '"show node gpu03")'
    program(tmp_path / "scontrol", f'{hostnames} {node} printf "NodeName=gpu03\\n   NodeAddr=10.0.0.3 Port=1\\n";;')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "123456")
    monkeypatch.delenv("SLURM_JOB_NODELIST", raising=False)
    monkeypatch.setenv(RUNNER, "1")
    return monkeypatch


def test_launchers_of_all_nodes_agree_where_to_meet(cluster):
    variables = slurm.step_environment()
    assert variables[slurm.MAIN_PROCESS] == "10.0.0.3:23456"
    # a process id of the first node means nothing on the others
    assert RUNNER not in variables
    cluster.setenv(slurm.MAIN_PROCESS, "gpu03:23456")
    assert slurm.main_process() == ("gpu03", 23456)


def test_the_nodes_are_those_of_the_job_and_not_of_a_step(cluster):
    cluster.setenv("SLURM_JOB_NODELIST", "gpu04")
    assert slurm.step_environment()[slurm.MAIN_PROCESS] == "10.0.0.3:23456"


def test_a_node_that_slurm_does_not_show_is_met_by_its_name(cluster, tmp_path):
    program(tmp_path / "scontrol", '"show hostnames gpu[03-04]") printf "gpu03\\ngpu04\\n";;')
    assert slurm.step_environment()[slurm.MAIN_PROCESS] == "gpu03:23456"


def test_one_launcher_is_started_per_node():
    command = slurm.step_command(2, ["python", "-m", "safelrm.operations.launch"])
    assert command[0] == "srun"
    assert {"--overlap", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--kill-on-bad-exit=1"} <= set(command)
    # or a site's WaitTime would end the first node while it writes
    assert "--wait=0" in command
    assert command[-3:] == ["python", "-m", "safelrm.operations.launch"]


def test_several_nodes_need_a_cluster(cluster, tmp_path):
    cluster.setenv("SLURM_JOB_ID", "7")
    with pytest.raises(SafeLRMError, match=r"squeue .*no such thing") as error:
        slurm.step_environment()
    assert error.value.fix
    done = launch("--gpus", "2", "--nodes", "2", "--", "safelrm.training.sft")
    assert done.returncode == 1
    assert "squeue" in done.stderr
    program(tmp_path / "squeue", '*) echo "";;')
    with pytest.raises(SafeLRMError, match="no node of job 7"):
        slurm.step_environment()
    cluster.delenv("SLURM_JOB_ID")
    with pytest.raises(SafeLRMError, match="SLURM"):
        slurm.step_environment()


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
