"""Exports: what the library of the hub reads of them, which texts they have, what is refused, and their cards."""

import argparse
import socket
import sys
from functools import cache
from pathlib import Path

import datasets
import pandas as pd
import pytest
from costs_fixtures import default_config
from huggingface_hub import DatasetCard
from metrics_fixtures import Run, frames

from safelrm.core.errors import SafeLRMError
from safelrm.dag.entries import BenchmarkEntry
from safelrm.dag.judge_entries import JudgeEntry
from safelrm.dag.settings import Arm, Study
from safelrm.dag.study import load_study
from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS
from safelrm.judging.schemas import VERDICTS
from safelrm.operations import export as exports
from safelrm.operations.export import TEXTS, command_lines, export

RUNS = (
    Run(model="nano_b", seed=1, correct=1),
    Run(model="nano_a", arm="sft-star1", seed=2),
    Run(model="nano_a", seed=1),
    Run(model="nano_a", arm="sft-star1", seed=1),
)
BENCHMARKS = {"harmful_set": "requests_harmful", "benign_set": "requests_benign", "reasoning_set": "dial_trained"}
JUDGES = {
    "guard": JudgeEntry(module="safelrm.judging.guard", guard="guard_b"),
    "refusal": JudgeEntry(module="safelrm.judging.refusal"),
    "exact": JudgeEntry(module="safelrm.judging.exact"),
}
OUTPUT = Path("out")
COMMANDS = ["snakemake", "python -m safelrm export"]


@cache
def study() -> Study:
    """The default study with few arms, benchmarks and judges."""
    arms = [
        Arm(model="nano_b", method="base", seeds=[1]),
        Arm(model="nano_a", method="sft", recipe="star1", seeds=[2, 1]),
        Arm(model="nano_a", method="base", seeds=[1]),
    ]
    benchmarks = [BenchmarkEntry(dataset=dataset, name=name) for name, dataset in BENCHMARKS.items()]
    found = load_study(default_config(), "config.yaml")
    return found.model_copy(update={"arms": arms, "benchmarks": benchmarks, "judges": JUDGES})


def with_texts(samples: pd.DataFrame) -> pd.DataFrame:
    """Rows of ROLLOUTS, whose texts say of which kind their prompts are."""
    rows = samples.assign(request_seed=1, system="Be kind.", attack=None, pair=None)
    said = {name: rows.kind + f" {name} of " + rows.prompt_id for name in TEXTS if name != "system"}
    return rows.assign(**said)


def write_study(seed: int | None = None, verdicts: str = "results/nano/verdicts") -> None:
    """The files of the study in the working folder.

    Args:
        seed: of a shuffle of all rows; none: as they come.
        verdicts: the folder of the verdicts.
    """
    samples, said = frames(*RUNS, times=2)
    rows = with_texts(samples)
    if seed is not None:
        rows, said = (table.sample(frac=1.0, random_state=seed) for table in (rows, said))
    for (model, arm, number), run in rows.groupby(["model", "arm", "seed"]):
        ROLLOUTS.write(Path(f"rollouts/{model}/{arm}/seed{number}.parquet"), run)
    for (judge, model), table in said.groupby(["judge", "model"]):
        VERDICTS.write(Path(f"{verdicts}/{judge}/{model}.parquet"), table)


@pytest.fixture
def written(tmp_path, monkeypatch) -> Path:
    """The folder with the files of the study, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    write_study()
    return tmp_path


def exported(**options: object) -> dict[str, bytes]:
    """The files of an export of the study, by name."""
    export(study(), OUTPUT, commands=COMMANDS, **options)
    return {path.name: path.read_bytes() for path in OUTPUT.iterdir()}


def loaded(monkeypatch, name: str) -> pd.DataFrame:
    """A configuration of the export, as the library of the hub reads it where there is no network."""

    def refuse(*_: object) -> None:
        raise AssertionError("asks the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return datasets.load_dataset(str(OUTPUT), name, split="train", cache_dir="cache").to_pandas()


def test_the_library_reads_both_tables_offline(written, monkeypatch):
    exported()
    rollouts, verdicts = (loaded(monkeypatch, name) for name in ("rollouts", "verdicts"))
    samples, said = frames(*RUNS, times=2)
    key = list(ROLLOUT_KEY)
    assert list(rollouts.columns) == ROLLOUTS.schema.names and list(verdicts.columns) == VERDICTS.schema.names
    expected = with_texts(samples).sort_values(key, ignore_index=True)
    assert rollouts[key].equals(expected[key].astype(rollouts[key].dtypes))
    benign = expected.kind != "harmful"
    assert rollouts[benign].completion.tolist() == expected[benign].completion.tolist()
    judged = verdicts.merge(rollouts, on=[*key, "kind", "category"])
    assert len(judged) == len(verdicts) == len(said)
    ordered = said.sort_values(list(VERDICTS.key), ignore_index=True)
    assert verdicts.verdict.tolist() == ordered.verdict.tolist()
    assert verdicts.score.isna().tolist() == ordered.score.isna().tolist()
    # without a name, it is the rollouts
    assert "completion" in datasets.load_dataset(str(OUTPUT), cache_dir="cache")["train"].column_names


def test_texts_of_harmful_prompts_are_left_out_unless_they_are_wanted(written, monkeypatch):
    exported()
    rows = loaded(monkeypatch, "rollouts")
    harmful = rows.kind == "harmful"
    assert harmful.sum() == 32 and rows.loc[harmful, list(TEXTS)].isna().all(axis=None)
    assert rows.loc[~harmful, list(TEXTS)].notna().all(axis=None)
    # ids and kinds alone speak of harm
    others = rows.drop(columns=["prompt_id", "kind", "benchmark"])
    assert not others.astype(str).apply(lambda column: column.str.contains("harmful")).any(axis=None)
    assert set(TEXTS) == {"prompt", "system", "behavior", "completion", "trace", "answer", "reference"}
    exported(harmful_texts=True)
    # not what the library has cached of the folder
    whole = loaded(monkeypatch, "rollouts")
    assert whole.loc[harmful, "prompt"].str.startswith("harmful prompt of").all()
    assert whole.loc[harmful, list(TEXTS)].notna().all(axis=None)


def test_the_card_says_what_was_left_out(written):
    without = exported()["README.md"].decode()
    assert "The texts of 32 rollouts of harmful prompts" in without and "| 32 | left out |" in without
    with_them = exported(harmful_texts=True)["README.md"].decode()
    assert "left out |" not in with_them and "32 rollouts are of harmful prompts" in with_them
    tags = [DatasetCard(text).data.tags for text in (without, with_them)]
    assert ["not-for-all-audiences" in found for found in tags] == [False, True]


def test_the_card_tells_the_study(written):
    card = DatasetCard(exported(license_id="cc-by-4.0")["README.md"].decode())
    assert card.data.license == "cc-by-4.0" and card.data.size_categories == ["n<1K"]
    for line in (
        "| `nano_a` | `sft-star1` | 1, 2 | `star1` | - | 48 |",
        "| `nano_b` | `base` | 1 | - | - | 24 |",
        "| `reasoning_set` | reasoning | 8 | 32 | here | - | `safelrm.nano.sources.dial` | not stated |",
        "| `exact` | `safelrm.judging.exact` | - | correctness | y | 32 | 0 |",
        "- `rollouts` (96 rows)",
        "safe: 3 arms of 2 models, in 4 runs.",
        "no evidence about other, larger models",
        "Sampling: temperature",
        "commit ",
        "\n    python -m safelrm export\n",
    ):
        assert line in card.text
    assert "License: not stated" not in card.text
    assert "License: not stated" in exported()["README.md"].decode()


def test_the_same_rows_give_the_same_bytes(written):
    first = exported()
    assert exported() == first
    write_study(seed=3)
    assert exported() == first
    assert len(first) == 3


def test_published_verdicts_are_taken_where_there_are_no_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_study(verdicts="results/published/nano/verdicts")
    published = exported()
    write_study()
    assert exported() == published


def drop(path: str) -> None:
    Path(path).unlink()


def put(path: str, text: str) -> None:
    file = Path(path)
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def shorten(path: str) -> None:
    VERDICTS.write(path, VERDICTS.read(path)[1:])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda: put("out/notes.txt", "mine"), "out: --output: holds something else"),
        (lambda: put("out/README.md", "# mine"), "holds something else"),
        (lambda: put("out/README.md", "---\npretty_name: [\n---\n"), "holds something else"),
        (lambda: put("out/README.md", "---\npretty_name: 'SafeLRM, study other'\n---\n"), "holds something else"),
        (lambda: put("out", "a file"), "holds something else"),
        (lambda: drop("rollouts/nano_b/base/seed1.parquet"), r"1 of 4 tables of rollouts.*\n.*safelrm pull nano"),
        (lambda: drop("results/nano/verdicts/exact/nano_b.parquet"), r"1 of 6 .*\n.*-- results/nano/verdicts/exact"),
        (lambda: shorten("results/nano/verdicts/exact/nano_b.parquet"), "1 parts of rollouts have no verdict"),
        (lambda: put("rollouts/nano_b/base/seed1.parquet", "damaged"), "not a readable Parquet file"),
    ],
)
def test_what_cannot_be_exported_is_an_error(written, spoil, message):
    spoil()
    with pytest.raises(SafeLRMError, match=message):
        exported()
    # nothing was written, or replaced
    assert not Path("out/rollouts.parquet").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": []}, "no rollouts"),
        ({"judges": {}}, "no verdicts"),
        ({"benchmarks": study().benchmarks[:2]}, r"the study has \['benign_set', 'harmful_set'\]"),
        ({"arms": study().arms[1:]}, None),
        ({"arms": [arm.model_copy(update={"seeds": [1]}) for arm in study().arms]}, "verdicts are on no rollout"),
    ],
)
def test_a_study_that_the_files_do_not_fit_is_an_error(written, changes, message):
    changed = study().model_copy(update=changes)
    if message is None:
        assert set(export(changed, OUTPUT, commands=COMMANDS).samples.model) == {"nano_a"}
        return
    with pytest.raises(SafeLRMError, match=message):
        export(changed, OUTPUT, commands=COMMANDS)


def test_the_commands_name_no_place_and_no_secret(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = argparse.Namespace(
        configfiles=["config.yaml", str(tmp_path / "mine/a.yaml"), "/elsewhere/b.yaml"],
        config=[
            "metrics.safety_judge=guard_a",
            "models.m.path=/home/me/model",
            "x={hub_token: hidden}",
            "y=[a, ~/b]",
            "api_key=k",
        ],
        harmful_texts=True,
        license="mit",
    )
    run, made = command_lines(options)
    files = "config.yaml mine/a.yaml b.yaml"
    given = "'metrics={safety_judge: guard_a}' 'models={m: {path: (left out)}}' 'x={hub_token: (left out)}'"
    given += " 'y=[a, (left out)]' 'api_key=(left out)'"
    assert run == f"snakemake --cores all --configfile {files} --config {given}"
    assert made == f"python -m safelrm export --configfiles {files} --config {given} --harmful-texts --license mit"


def test_the_command_writes_the_folder_of_the_study(written, monkeypatch, capsys):
    monkeypatch.setattr(exports, "plan_of", lambda _: type("Planned", (), {"study": study()}))
    monkeypatch.setattr(sys, "argv", ["export"])
    exports.main()
    assert capsys.readouterr().out == "results/nano/export: 96 rollouts, 288 verdicts\n"
    text = Path("results/nano/export/README.md").read_text()
    assert "    python -m safelrm export --configfiles config.yaml\n" in text
    assert str(written) not in text
