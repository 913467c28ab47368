"""Checkpoints and cached outputs: verified before use, and a damaged one says how to drop it."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from safelrm.core.checkpoints import MODEL_FILES, verified_model, write_manifest
from safelrm.core.errors import SafeLRMError
from safelrm.core.tables import Table, columns


def checkpoint(folder: Path) -> Path:
    (folder / "model").mkdir(parents=True)
    for name in MODEL_FILES:
        (folder / "model" / name).write_text(f"content of {name}")
    # Snakemake marks the folders that it made
    (folder / "model" / ".snakemake_timestamp").touch()
    write_manifest(folder / "manifest.json")
    return folder / "manifest.json"


def test_a_checkpoint_is_verified(tmp_path):
    manifest = checkpoint(tmp_path)
    assert verified_model(manifest) == tmp_path / "model"
    assert set(json.loads(manifest.read_text())["files"]) == set(MODEL_FILES)
    other = checkpoint(tmp_path / "copy")
    assert manifest.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda model: (model / "config.json").write_text("{ }"), "differs"),
        (lambda model: (model / "config.json").unlink(), "missing"),
        (lambda model: (model / "stale.safetensors").touch(), "not listed"),
        (lambda model: (model.parent / "manifest.json").unlink(), "not a readable manifest"),
        (lambda model: (model.parent / "manifest.json").write_text("{"), "not a readable manifest"),
        (lambda model: (model.parent / "manifest.json").write_text('{"files": ["a"]}'), "not a readable manifest"),
        (lambda model: (model.parent / "manifest.json").write_text("[]"), "not a readable manifest"),
    ],
)
def test_a_damaged_checkpoint_is_refused(damage, said, tmp_path):
    manifest = checkpoint(tmp_path)
    damage(tmp_path / "model")
    with pytest.raises(SafeLRMError, match=said):
        verified_model(manifest)


@pytest.mark.parametrize(
    "change", [lambda model: (model / "config.json").unlink(), lambda model: (model / "code.py").touch()]
)
def test_only_the_files_of_a_model_become_a_checkpoint(change, tmp_path):
    manifest = checkpoint(tmp_path)
    manifest.unlink()
    change(tmp_path / "model")
    with pytest.raises(SafeLRMError, match="but a model is"):
        write_manifest(manifest)
    assert not manifest.exists()


def linked(path: Path, cache: Path) -> Path:
    """Put a file where Snakemake's cache would, and leave a link."""
    cache.mkdir(exist_ok=True)
    entry = Path(shutil.move(path, cache / f"entry_{path.name}"))
    path.symlink_to(entry)
    return entry


def test_a_damaged_entry_of_the_cache_is_named_with_the_command_that_drops_it(tmp_path):
    manifest = checkpoint(tmp_path)
    weights = tmp_path / "model/model.safetensors"
    entry = linked(weights, tmp_path / "cache")
    assert verified_model(manifest) == tmp_path / "model"
    entry.write_text("damage")
    with pytest.raises(SafeLRMError, match="differs") as error:
        verified_model(manifest)
    assert error.value.file == weights
    assert f"rm {entry} {weights} {manifest}" in error.value.fix


def test_one_flipped_bit_in_a_table_is_seen(tmp_path):
    table = Table("numbers", columns(number=pa.float64()))
    path = tmp_path / "numbers.parquet"
    table.write(path, pd.DataFrame({"number": [0.25 * index for index in range(5000)]}))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    entry = linked(path, tmp_path / "cache")
    with pytest.raises(SafeLRMError, match="not a readable Parquet") as error:
        table.read(path)
    assert f"rm {entry} {path}" in error.value.fix
