"""A figure of a study, as SVG, PDF and PNG.

Input:  the tables that the figure's module declares.
Output: the figure in three formats.

A figure is a module, which the configuration names by its dotted path. It offers

    INPUTS = ("metrics", "differences")     the tables that it draws; reporting/inputs.py lists all names
    CAPTION = "What is seen, in reStructuredText. Safety is by the judge ``{safety_judge}``."
    def draw(results: Results) -> matplotlib.figure.Figure
    def shown(study: StudyOutline) -> bool   optional: whether a study has something to show in it
    class Settings(Strict)                   optional: settings of its own, then a second argument of `draw`

The workflow reads INPUTS, CAPTION and `shown` without an import of the module. So INPUTS and CAPTION are literals, and
`shown` uses nothing but its argument, builtins and literals of the module. CAPTION may name keys of the section
`metrics` in braces.
"""

import matplotlib as mpl
from matplotlib.figure import Figure

from safelrm.analysis.registered import fault
from safelrm.core.cli import run
from safelrm.core.files import atomic_path
from safelrm.reporting.inputs import registered, registered_parser
from safelrm.reporting.style import STYLE

# by default the files hold the time of day and the version of the drawing library
METADATA = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}


def main() -> None:
    """Run the command."""
    parser = registered_parser(__doc__)
    for suffix in METADATA:
        parser.add_argument(f"--{suffix}", required=True, help=f"figure to write, {suffix.upper()}")
    arguments = parser.parse_args()
    chosen = registered(arguments, "draw")
    with mpl.rc_context(STYLE):
        figure = chosen.module.draw(*chosen.arguments)
        if not isinstance(figure, Figure):
            raise fault(arguments.module, f"`draw` returned {type(figure).__name__}", "return the matplotlib Figure")
        for suffix, metadata in METADATA.items():
            with atomic_path(getattr(arguments, suffix)) as path:
                figure.savefig(path, metadata=metadata, dpi=160)


if __name__ == "__main__":
    run(main)
