"""Figure *safety gap*: are reasoning models less safe than a model that does not reason? By category, on y.

The answer is what all of them have, so it is what is compared here.
"""

from itertools import cycle

from matplotlib.figure import Figure

from safelrm.judging.schemas import ANSWER
from safelrm.reporting.by_category import Series, draw_by_category
from safelrm.reporting.results import Results
from safelrm.reporting.style import GREY, LOOKS, legend_above, note, panels


def draw(results: Results) -> Figure:
    """The bases of the reasoning models and of the reference."""
    figure, (axes,) = panels(1, width=7.2, height=5.4)
    series = [
        Series(f"{model} (reasoning)", results.safety(model, ANSWER), *look)
        for model, look in zip(results.reasoning_models, cycle(LOOKS), strict=False)
    ]
    reference = results.reference_model
    series.append(Series(f"{reference} (reference)", results.safety(reference, ANSWER), GREY, "D", hollow=True))
    handles = draw_by_category(axes, series)
    axes.set_title("Safety of the bases, answer only")
    legend_above(figure, handles, columns=3)
    note(figure, results)
    return figure
