"""`python -m safelrm plan` plans the jobs that Snakemake plans, and names a fault as Snakemake does."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from safelrm.operations.plan import planned_jobs
from warm_python import warm_python
from workflow_runs import ROOT, environment, snakemake

pytestmark = pytest.mark.dag

PRESETS = sorted(path.name for path in (ROOT / "experiments").glob("*.yaml"))
# these stand on top of the default study
ON_TOP = tuple(
    f"nano_{name}.yaml"
    for name in ("ablation", "controls", "controls_tuning", "patterns", "traces", "tuning", "variants")
)
STUDIES = [
    (),
    ("config.yaml",),
    ("config.yaml", "tests/e2e/tiny.yaml"),
    *(("config.yaml", f"experiments/{name}") for name in ON_TOP),
    *((f"experiments/{name}",) for name in PRESETS if name not in ON_TOP),
]


@pytest.fixture(autouse=True)
def real_data(tmp_path, monkeypatch):
    """Empty files in place of the publishers': a plan reads none of them. Of an encoder it reads what there is."""
    for name in re.findall(r"\$\{SAFELRM_REAL_DATA\}/([\w.]+)", "".join(map(Path.read_text, _presets()))):
        (tmp_path / name).touch()
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (encoder / name).write_text("{}")
    save_file({"weight": np.zeros(1)}, encoder / "model.safetensors")
    monkeypatch.setenv("SAFELRM_REAL_DATA", str(tmp_path))
    monkeypatch.setenv("SAFELRM_ENCODER", str(encoder))


def _presets() -> list[Path]:
    return [ROOT / "experiments" / name for name in PRESETS]


def plan(*arguments: str) -> subprocess.CompletedProcess:
    command = [warm_python(), "-m", "safelrm", "plan", *arguments]
    variables = environment(PYTHONPATH=str(ROOT / "workflow"))
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


def counts(*configfiles: str) -> Counter:
    """Jobs per rule, as `snakemake -n` counts them."""
    chosen = ["--configfile", *configfiles] if configfiles else []
    given = {name: os.environ[name] for name in ("SAFELRM_REAL_DATA", "SAFELRM_ENCODER")}
    said = snakemake(ROOT, "-n", "--forceall", "--quiet", "rules", *chosen, **given)
    table = (said.stdout + said.stderr).partition("Job stats:")[2]
    found = re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)
    return Counter({name: int(count) for name, count in found if name != "total"})


@pytest.mark.parametrize("configfiles", STUDIES, ids=lambda files: files[-1] if files else "none named")
def test_the_plan_has_the_jobs_that_snakemake_runs(configfiles, monkeypatch):
    monkeypatch.chdir(ROOT)
    jobs = planned_jobs([Path(name) for name in configfiles], {})
    found = Counter(job.rule for job in jobs.values())
    assert found == counts(*configfiles)
    assert sum(found.values()) == len(jobs) > 3
    assert all(job.needs <= jobs.keys() for job in jobs.values())


def test_jobs_wait_for_what_they_read(monkeypatch):
    monkeypatch.chdir(ROOT)
    before = dict(os.environ)
    jobs = planned_jobs([Path("config.yaml")], {"execution": {"save_minutes": 7}})
    assert os.environ == before
    needed = {job.name: {jobs[number].name for number in job.needs} for job in jobs.values()}
    assert needed["sft nano_b/star1/2"] == {"base nano_b", "curate star1"}
    assert needed["samples"] == {name for name in needed if name.startswith("rollouts ")}


def test_a_number_within_a_section_is_given_on_the_command_line_as_in_a_file():
    made = "checkpoints/nano_a/rl-grpo/seed1/manifest.json"
    said = snakemake(ROOT, "-n", "-p", "--forceall", "--config", "rl={grpo: {steps: 17}}", "--", made)
    assert '"steps":17' in said.stdout.replace("\\", "")


def test_the_report_says_what_it_costs():
    said = plan()
    assert said.returncode == 0, said.stderr
    for part in ("rollouts", "one after another", "critical path", "base nano_b", "wall time with 2 cores"):
        assert part in said.stdout
    gpu = "execution.gpu={name: h100, memory_gib: 80, tflops: 989, bandwidth: 3350}"
    assert "wall time with 2 GPUs" in plan("--config", gpu).stdout


def test_predictions_are_compared_with_what_was_measured(tmp_path):
    file = tmp_path / "timings.jsonl"
    file.write_text(
        '{"stage": "sft", "seconds": 10.0}\n{"stage": "s{"stage": "sft", "seconds": 14.0}\n'
        '{"stage": "sft", "seconds": 14.0}\n{"stage": "x", "seconds": 1}\n'
    )
    said = plan("--measured", str(file))
    (line,) = [line for line in said.stdout.splitlines() if line.startswith("sft")]
    assert line.split()[1:5:2] == ["24", "2"]
    assert "x " not in said.stdout
    file.write_text("not JSON\n")
    assert "cannot be read" in plan("--measured", str(file)).stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--config", "sft.star1.epoch=3"), ("sft.star1.epoch", "did you mean `epochs`")),
        (("--config", "nothing"), ("key=value",)),
        (("--config", "execution=null", "execution.nodes=2"), ("execution.nodes=2", "None", "leave one")),
        (("--configfiles", "no_such.yaml"), ("no_such.yaml",)),
    ],
)
def test_a_fault_is_one_clear_message(arguments, expected):
    said = plan(*arguments)
    assert said.returncode == 1
    assert all(part in said.stderr for part in expected), said.stderr
    assert "Traceback" not in said.stderr


def test_a_misspelt_stage_is_named():
    command = [sys.executable, "-m", "safelrm", "tabels"]
    said = subprocess.run(
        command, env=environment(PYTHONPATH=str(ROOT / "workflow")), capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert "did you mean `tables`" in said.stderr
