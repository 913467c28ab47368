"""Loading a data set through a source of real data."""

import importlib
import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from safelrm.data.presets import with_data_preset

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
DATASETS = yaml.safe_load((EXPERIMENTS / "real_data.yaml").read_text())["datasets"]
# every data set of this study, with the settings of its preset
PUBLIC = {name: with_data_preset(entry) for name, entry in DATASETS.items()}
needs_real_data = pytest.mark.skipif(
    "SAFELRM_REAL_DATA" not in os.environ, reason="SAFELRM_REAL_DATA names no folder of real data"
)


def load(source: str, path: Path, **settings) -> pd.DataFrame:
    """The rows that a source of real data makes of a file."""
    module = importlib.import_module(f"safelrm.data.sources.{source}")
    return module.load(module.Settings(path=str(path), **settings))


def load_public(name: str, **changes) -> pd.DataFrame:
    """The rows of a data set of experiments/real_data.yaml, with changes to its settings."""
    entry = PUBLIC[name]
    settings = entry["settings"] | changes
    path = os.path.expandvars(settings.pop("path"))
    return load(entry["source"].rpartition(".")[2], Path(path), **settings)
