"""Loading a data set through a source of real data."""

import importlib
from pathlib import Path


def load(source: str, path: Path, **settings):
    module = importlib.import_module(f"safelrm.data.sources.{source}")
    return module.load(module.Settings(path=str(path), **settings))
