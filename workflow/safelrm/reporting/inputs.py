"""The tables that figures and tables are made from, by the names that their INPUTS give."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from safelrm.analysis.entropy_schemas import ENTROPIES, ENTROPY_HISTOGRAMS, ENTROPY_POSITIONS
from safelrm.analysis.files import read_verdicts, require_models
from safelrm.analysis.memorisation_schemas import MEMORISATION, MIN_K
from safelrm.analysis.registered import own_settings
from safelrm.analysis.schemas import ANALYSES, CALIBRATION, DIFFERENCES, MEASURES, METRICS, SEEDS
from safelrm.analysis.settings import FigureSettings
from safelrm.analysis.trajectory_schemas import TRAJECTORIES
from safelrm.core.cli import parse_settings, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import load_registered
from safelrm.core.tables import Table
from safelrm.generation.schemas import ROLLOUTS, SAMPLES
from safelrm.models.schemas import CURVES
from safelrm.reporting.results import Registered, Results
from safelrm.training.schemas import OUTCOMES

Read = Callable[[Sequence[Path], FigureSettings], pd.DataFrame]
# names that lead to one analysis, such as analyses.lengths
ANALYSIS = "analyses."


def _rows_of(table: Table, *, allow_empty: bool = False) -> Read:
    def read(paths: Sequence[Path], _: FigureSettings) -> pd.DataFrame:
        return pd.concat([table.read(path, allow_empty=allow_empty) for path in paths], ignore_index=True)

    return read


def _metrics(paths: Sequence[Path], study: FigureSettings) -> pd.DataFrame:
    return require_models(METRICS.read(paths[0]), study.models, paths[0])


def _seeds(paths: Sequence[Path], study: FigureSettings) -> pd.DataFrame:
    return require_models(SEEDS.read(paths[0]), study.models, paths[0])


def _differences(paths: Sequence[Path], study: FigureSettings) -> pd.DataFrame:
    return require_models(DIFFERENCES.read(paths[0], allow_empty=True), study.models, paths[0], some=True)


def _curves(paths: Sequence[Path], _: FigureSettings) -> pd.DataFrame:
    """The curves of all runs, with `model`, `arm` and `seed` as their paths end: <model>/<arm>/seed<seed>.parquet."""
    curves = [
        CURVES.read(path, allow_empty=True).assign(
            model=path.parts[-3], arm=path.parts[-2], seed=int(path.stem.removeprefix("seed"))
        )
        for path in paths
    ]
    return pd.concat(curves, ignore_index=True)


READERS: Mapping[str, Read] = {
    "metrics": _metrics,
    "seeds": _seeds,
    "differences": _differences,
    "samples": _rows_of(SAMPLES),
    "calibration": _rows_of(CALIBRATION),
    "measures": _rows_of(MEASURES),
    "min_k": _rows_of(MIN_K),
    "memorisation": _rows_of(MEMORISATION),
    "trajectories": _rows_of(TRAJECTORIES),
    "entropies": _rows_of(ENTROPIES),
    "entropy_histograms": _rows_of(ENTROPY_HISTOGRAMS, allow_empty=True),
    "entropy_positions": _rows_of(ENTROPY_POSITIONS, allow_empty=True),
    "verdicts": lambda paths, _: read_verdicts(paths),
    "rollouts": _rows_of(ROLLOUTS),
    "curves": _curves,
    "probes": _rows_of(ROLLOUTS),
    "probe_verdicts": lambda paths, _: read_verdicts(paths),
    "pattern_verdicts": lambda paths, _: read_verdicts(paths),
    "selections": _rows_of(OUTCOMES),
}


def registered_parser(description: str | None) -> argparse.ArgumentParser:
    """The argument parser of a command that runs a registered figure or table."""
    parser = stage_parser(description)
    parser.add_argument("--module", required=True, help="its module, such as safelrm.reporting.plots.tradeoff")
    parser.add_argument("--module-settings", default="{}", metavar="JSON", help="settings of that module")
    parser.add_argument(
        "--inputs", required=True, nargs="+", metavar="NAME:COUNT", help="the module's INPUTS, and the files of each"
    )
    parser.add_argument("--files", required=True, nargs="+", type=Path, help="the files, in the order of the inputs")
    return parser


def registered(arguments: argparse.Namespace, *offers: str) -> Registered:
    """The module that a command line names, and what its functions are given.

    Raises:
        SafeLRMError: the module, its settings or a file is at fault, or there are more or fewer files than inputs say.
    """
    module = load_registered(arguments.module, *offers)
    study = parse_settings(FigureSettings, arguments.settings)
    files = list(arguments.files)
    tables = {}
    for name, count in _counts(arguments.inputs, len(files)).items():
        taken, files = files[:count], files[count:]
        read = _rows_of(ANALYSES) if name.startswith(ANALYSIS) else READERS[name]
        tables[name] = read(taken, study)
    results = Results(tables, study, arguments.module)
    return Registered(module, (results, *own_settings(module, arguments.module_settings)))


def _counts(inputs: Sequence[str], files: int) -> dict[str, int]:
    pairs = [entry.rpartition(":") for entry in inputs]
    for entry, (name, _, count) in zip(inputs, pairs, strict=True):
        if not (count.isdecimal() and (name in READERS or name.startswith(ANALYSIS))):
            known = [*READERS, f"{ANALYSIS}<name>"]
            raise SafeLRMError(f"{entry!r} is not an input and a number", file="--inputs", fix=f"inputs are {known}")
    counts = {name: int(count) for name, _, count in pairs}
    if sum(counts.values()) != files:
        raise SafeLRMError(f"{files} files are given for {inputs}", file="--files", fix="name as many as inputs say")
    return counts
