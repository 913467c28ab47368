"""A figure of a study, as SVG, PDF and PNG. Each module of `safelrm.reporting.plots` draws one figure.

Input:  the metrics table and the differences table.
Output: the figure in three formats.
"""

import importlib
from pathlib import Path

import matplotlib as mpl

from safelrm.analysis.files import require_models, results_parser
from safelrm.analysis.schemas import DIFFERENCES, METRICS
from safelrm.analysis.settings import FigureSettings
from safelrm.core.cli import parse_settings, run
from safelrm.core.files import atomic_path
from safelrm.reporting.results import Results
from safelrm.reporting.style import STYLE

# by default the files hold the time of day and the version of the drawing library
METADATA = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}


def main() -> None:
    """Run the command."""
    parser = results_parser(__doc__, "metrics", "differences")
    parser.add_argument("--figure", required=True, help="module that draws, such as safelrm.reporting.plots.tradeoff")
    for suffix in METADATA:
        parser.add_argument(f"--{suffix}", required=True, type=Path, help=f"figure to write, {suffix.upper()}")
    arguments = parser.parse_args()
    settings = parse_settings(FigureSettings, arguments.settings)
    differences = DIFFERENCES.read(arguments.differences, allow_empty=True)
    results = Results(
        require_models(METRICS.read(arguments.metrics), settings.models, arguments.metrics),
        require_models(differences, settings.models, arguments.differences, some=True),
        settings,
    )
    with mpl.rc_context(STYLE):
        figure = importlib.import_module(arguments.figure).draw(results)
        for suffix, metadata in METADATA.items():
            with atomic_path(getattr(arguments, suffix)) as path:
                figure.savefig(path, metadata=metadata, dpi=160)


if __name__ == "__main__":
    run(main)
