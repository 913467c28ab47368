"""Figure *thinking*: does thinking make the same model less safe? By category, a panel per model with several modes.

Every decoding mode is scored on y, and on t+y where it has a trace.
"""

from collections.abc import Iterator
from itertools import cycle

from matplotlib.figure import Figure

from safelrm.core.errors import SafeLRMError
from safelrm.judging.schemas import ANSWER, BOTH, TRACE
from safelrm.reporting.by_category import Series, draw_by_category
from safelrm.reporting.results import Results
from safelrm.reporting.style import LOOKS, legend_above, note, panels


def draw(results: Results) -> Figure:
    """One panel per model with several decoding modes.

    Raises:
        SafeLRMError: no model has several.
    """
    models = [model for model in results.reasoning_models if len(results.decodings(model)) > 1]
    if not models:
        raise SafeLRMError("no model has several decoding modes", key="models", fix="do not ask for this figure")
    figure, axes = panels(len(models), width=7.2 if len(models) == 1 else 4.6, height=5.4, sharey=True)
    for panel, model in zip(axes, models, strict=True):
        handles = draw_by_category(panel, list(_series(results, model)))
        panel.set_title(f"{model}: decoding modes of the base")
    legend_above(figure, handles, columns=3)
    note(figure, results)
    return figure


def _series(results: Results, model: str) -> Iterator[Series]:
    for mode, (colour, marker) in zip(results.decodings(model), cycle(LOOKS), strict=False):
        title = mode.replace("_", "-")
        yield Series(f"{title}, answer y", results.safety(model, ANSWER, decoding=mode), colour, marker)
        if not results.safety(model, TRACE, decoding=mode).empty:
            both = results.safety(model, BOTH, decoding=mode)
            yield Series(f"{title}, both t+y", both, colour, marker, hollow=True)
