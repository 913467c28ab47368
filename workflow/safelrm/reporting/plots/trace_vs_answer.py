"""Figure *trace against answer*: what scoring the answer alone overlooks. By category, a panel per reasoning model.

Each base is scored on its trace t, its answer y and both; a reference, which has no trace, on y.
"""

from matplotlib.figure import Figure

from safelrm.judging.schemas import ANSWER, BOTH, TRACE
from safelrm.reporting.by_category import Series, draw_by_category
from safelrm.reporting.results import Results
from safelrm.reporting.style import BLUE, GREY, ORANGE, VERMILION, legend_above, note, panels

LOOKS = ((TRACE, "trace t", ORANGE, "^"), (ANSWER, "answer y", BLUE, "s"), (BOTH, "both t+y", VERMILION, "o"))


def draw(results: Results) -> Figure:
    """One panel per reasoning model, each with the reference if the study has one."""
    figure, axes = panels(len(results.reasoning_models), width=4.6, height=5.6, sharey=True)
    reference = results.settings.reference_model
    for panel, model in zip(axes, results.reasoning_models, strict=True):
        series = [Series(label, results.safety(model, part), colour, marker) for part, label, colour, marker in LOOKS]
        if reference is not None:
            rows = results.safety(reference, ANSWER)
            series.append(Series(f"{reference}, answer y", rows, GREY, "D", hollow=True))
        handles = draw_by_category(panel, series)
        panel.set_title(model)
    legend_above(figure, handles, columns=4)
    note(figure, results)
    return figure
