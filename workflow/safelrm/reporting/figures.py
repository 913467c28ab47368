"""A figure of the study, as SVG, PDF and PNG. `safelrm.reporting.plots` has a module for each."""

import importlib
from pathlib import Path

import matplotlib as mpl

from safelrm.analysis.schemas import DIFFERENCES, METRICS
from safelrm.analysis.settings import FigureSettings
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.files import atomic_path
from safelrm.reporting.results import Results
from safelrm.reporting.style import STYLE

# without these the files hold the time of day
METADATA = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument(
        "--figure", required=True, help="module that draws it, such as safelrm.reporting.plots.tradeoff"
    )
    parser.add_argument("--metrics", required=True, type=Path, help="metrics table")
    parser.add_argument("--differences", required=True, type=Path, help="differences table")
    for suffix in METADATA:
        parser.add_argument(f"--{suffix}", required=True, type=Path, help=f"figure to write, {suffix.upper()}")
    arguments = parser.parse_args()
    results = Results(
        METRICS.read(arguments.metrics),
        DIFFERENCES.read(arguments.differences, allow_empty=True),
        parse_settings(FigureSettings, arguments.settings),
    )
    with mpl.rc_context(STYLE):
        figure = importlib.import_module(arguments.figure).draw(results)
        for suffix, metadata in METADATA.items():
            with atomic_path(getattr(arguments, suffix)) as path:
                figure.savefig(path, metadata=metadata, dpi=160)


if __name__ == "__main__":
    run(main)
