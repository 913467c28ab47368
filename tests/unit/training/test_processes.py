"""Training in two processes on the CPU: as one process would, killed, told to stop, and spread by FSDP."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
import training_fixtures
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from saving_fixtures import SITE
from training_fixtures import stage_arguments

from safelrm.core.checkpoints import verified_model
from safelrm.core.errors import SafeLRMError
from safelrm.core.saving import SAVE_MINUTES
from safelrm.models.schemas import CURVES
from safelrm.training.processes import process_count, share_batch, shared_arguments
from safelrm.training.settings import SftSettings
from warm_python import warm_python

WORKFLOW = Path(__file__).parents[3] / "workflow"
SFT = {
    "dataset": "d",
    "epochs": 4,
    "batch_size": 2,
    "gradient_accumulation": 2,
    "learning_rate": 1e-2,
    "max_length": 64,
}
RL = training_fixtures.RL | {"steps": 16}
SETTINGS = {"sft": SFT, "rl": RL}


# --- how a step is shared


@given(passes=st.integers(1, 64), size=st.integers(1, 64), count=st.integers(1, 64))
def test_a_step_is_shared_whole_or_not_at_all(passes, size, count):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORLD_SIZE", str(count))
        try:
            own_passes, own_size = share_batch(passes, size, keys=("batch_size",))
        except SafeLRMError as error:
            assert (passes * size) % count or passes % count
            assert f"{count} processes" in str(error)
            return
    assert own_passes * own_size * count == passes * size
    # no pass needs more memory than the recipe's
    assert own_size <= size


def test_one_process_takes_all(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert process_count() == 1
    assert share_batch(3, 5, keys=()) == (3, 5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_on_several_gpus_each_process_holds_a_part(precision, monkeypatch, tmp_path):
    settings = SftSettings.model_validate(SFT | {"precision": precision, "gradient_checkpointing": True})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    one = shared_arguments(settings, 0, tmp_path)
    assert "fsdp" not in one
    assert one["gradient_checkpointing"]
    monkeypatch.setenv("WORLD_SIZE", "4")
    four = shared_arguments(settings, 0, tmp_path)
    assert four["fsdp"] is True
    assert four["fsdp_config"]["version"] == 2
    assert four["fsdp_config"]["activation_checkpointing"]
    assert not four["gradient_checkpointing"]
    assert not four["use_cpu"]
    assert four["bf16"] is (precision == "bfloat16")


# --- for real


@pytest.fixture(scope="module")
def start(inputs, tmp_path_factory):
    """Start a run in a folder. The second process's clock alone tells both to save, at every fourth look."""
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(SITE)

    def start(stage, folder, *, gpus=2, nodes=1, environment=(), **changes):
        launcher = [
            "-m",
            "safelrm.operations.launch",
            "--gpus",
            gpus,
            "--nodes",
            nodes,
            "--",
            f"safelrm.training.{stage}",
        ]
        command = [
            warm_python() if gpus == 1 else sys.executable,
            *launcher,
            *stage_arguments(stage, inputs, SETTINGS[stage] | changes),
        ]
        variables = os.environ | {"PYTHONPATH": f"{site}:{WORKFLOW}", SAVE_MINUTES: "4"} | dict(environment)
        folder.mkdir(exist_ok=True)
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def finish(process):
    printed, errors = process.communicate(timeout=120)
    assert process.returncode == 0, printed + errors
    return printed.splitlines()


def wait_for(process, line):
    for printed in process.stdout:
        if printed.startswith(line):
            return
    raise AssertionError(f"ended before {line}: {process.stderr.read()}")


def outputs(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("out/**/*")) if path.is_file()}


def losses(folder):
    curve = CURVES.read(folder / "out/curve.parquet")
    return curve[curve["metric"] == "loss"].set_index("step")["value"]


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    """A folder with what two processes write."""
    folders = {}

    def undisturbed(stage):
        if stage not in folders:
            folders[stage] = tmp_path_factory.mktemp("undisturbed")
            finish(start(stage, folders[stage]))
        return folders[stage]

    return undisturbed


def test_two_processes_train_as_one(start, undisturbed, tmp_path):
    finish(start("sft", tmp_path, gpus=1))
    verified_model(undisturbed("sft") / "out/manifest.json")
    alone, together = losses(tmp_path), losses(undisturbed("sft"))
    assert list(together.index) == list(alone.index) == list(range(1, 21))
    assert together.tolist() == pytest.approx(alone.tolist(), rel=1e-4)
    assert together.iloc[-1] < together.iloc[0] / 2


@pytest.fixture
def two_nodes(tmp_path):
    """The environment of a job on two nodes, which are this machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    srun = """#!/bin/sh
while test "${1#--}" != "$1"; do shift; done
export SLURM_LAUNCH_NODE_IPADDR=127.0.0.1 SLURMD_NODENAME=here
SLURM_NODEID=1 "$@" &
SLURM_NODEID=0 "$@" && wait $!
"""
    (folder / "srun").write_text(srun)
    (folder / "srun").chmod(0o755)
    return {"SLURM_JOB_ID": "7", "PATH": f"{folder}:{os.environ['PATH']}"}


def went_on_at(lines):
    """The first step of a run that went on from a snapshot, and that the run went on from there."""
    assert lines[0].startswith("going on from work/")
    return int(lines[1].removeprefix("step ").split("/")[0])


@pytest.mark.soak
def test_a_killed_run_goes_on_to_the_same_bytes_even_on_two_nodes(start, undisturbed, two_nodes, tmp_path):
    run = start("sft", tmp_path / "run")
    wait_for(run, "step 9/20")
    workers = psutil.Process(run.pid).children()
    assert len(workers) == 2
    run.kill()
    run.communicate()
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    assert 9 <= went_on_at(finish(start("sft", tmp_path / "run", nodes=2, environment=two_nodes))) < 20
    assert outputs(tmp_path / "run") == outputs(undisturbed("sft"))


@pytest.mark.soak
def test_rl_that_is_told_to_stop_saves_what_it_has_and_ends_in_the_same_bytes(start, undisturbed, tmp_path):
    run = start("rl", tmp_path)
    wait_for(run, "step 3/16")
    run.terminate()
    printed, errors = run.communicate(timeout=120)
    assert run.returncode == 128 + signal.SIGTERM
    assert "error" not in errors
    assert not outputs(tmp_path)
    last = int([line for line in printed.splitlines() if line.startswith("step")][-1].split()[1].split("/")[0])
    # both steps on a batch of rollouts
    assert last % 2 == 0
    assert went_on_at(finish(start("rl", tmp_path))) == last + 1
    assert outputs(tmp_path) == outputs(undisturbed("rl"))
    verified_model(tmp_path / "out/manifest.json")


# accelerate spreads no weights without GPUs: it is made to believe that these processes have some
ON_GPUS = """
import os
if "RANK" in os.environ:
    from accelerate.state import AcceleratorState, DistributedType, PartialState
    from safelrm.training import processes
    plain = AcceleratorState.__init__
    def pretending(self, *arguments, **named):
        if PartialState._shared_state.get("distributed_type") == DistributedType.MULTI_CPU:
            PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
        plain(self, *arguments, **named)
    AcceleratorState.__init__ = pretending
    processes.sharding = processes.fully_sharded
"""


@pytest.mark.soak
def test_spread_weights_survive_a_lost_process_and_are_saved_whole(start, undisturbed, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SITE + ON_GPUS)
    variables = {"PYTHONPATH": f"{tmp_path}:{WORKFLOW}", "HF_HUB_OFFLINE": "1"}
    run = start("sft", tmp_path / "run", environment=variables)
    wait_for(run, "step 9/20")
    (second,) = (worker for worker in psutil.Process(run.pid).children() if worker.environ()["RANK"] == "1")
    second.kill()
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 128 + signal.SIGKILL
    assert errors.count("error: process 1 of 2 was ended by SIGKILL") == 1
    assert not outputs(tmp_path / "run")
    (parts,) = (tmp_path / "run/work").rglob("checkpoint-*/pytorch_model_fsdp_0")
    assert len(list(parts.glob("*.distcp"))) == 2
    assert 9 <= went_on_at(finish(start("sft", tmp_path / "run", environment=variables))) < 20
    whole = undisturbed("sft")
    assert losses(tmp_path / "run").tolist() == pytest.approx(losses(whole).tolist(), rel=1e-4)
    trained, expected = (
        load_file(verified_model(folder / "out/manifest.json") / "model.safetensors")
        for folder in (tmp_path / "run", whole)
    )
    assert trained.keys() == expected.keys()
    for name, weight in trained.items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-3, atol=1e-4)


@pytest.mark.soak
def test_updates_of_low_rank_survive_a_kill_where_weights_are_spread(start, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SITE + ON_GPUS)
    variables = {"PYTHONPATH": f"{tmp_path}:{WORKFLOW}", "HF_HUB_OFFLINE": "1"}
    lora = {"lora": {"rank": 4, "keep_adapter": True}}
    finish(start("sft", tmp_path / "alone", gpus=1, **lora))
    run = start("sft", tmp_path / "run", environment=variables, **lora)
    wait_for(run, "step 9/20")
    run.kill()
    run.communicate()
    assert 9 <= went_on_at(finish(start("sft", tmp_path / "run", environment=variables, **lora))) < 20
    assert losses(tmp_path / "run").tolist() == pytest.approx(losses(tmp_path / "alone").tolist(), rel=1e-4)
    for name in ("model/model.safetensors", "adapter/adapter_model.safetensors"):
        trained, expected = (load_file(tmp_path / folder / "out" / name) for folder in ("run", "alone"))
        assert trained.keys() == expected.keys()
        for key, weight in trained.items():
            torch.testing.assert_close(weight, expected[key], rtol=1e-3, atol=1e-3)
