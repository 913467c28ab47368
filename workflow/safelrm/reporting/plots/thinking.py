"""Figure *thinking*: does thinking make the same model less safe? By category.

There is one panel per model with several decoding modes. Every mode is scored on y, and on t+y if it has a trace.
"""

from collections.abc import Iterator
from itertools import cycle

from matplotlib.figure import Figure

from safelrm.core.errors import SafeLRMError
from safelrm.judging.schemas import ANSWER, BOTH, TRACE
from safelrm.reporting.by_category import Series, draw_by_category
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results
from safelrm.reporting.style import LOOKS, legend_above, note, panels

INPUTS = ("metrics", "seeds")
CAPTION = """
Safety of one base by category in its decoding modes: on the answer y (filled), and on t+y if the mode has a trace
(hollow).

Safety is by the judge ``{safety_judge}``. Bars are intervals over prompts and seeds. Small points are
single seeds, over all prompts.
"""


def shown(study: StudyOutline) -> bool:
    """Whether a reasoning model has a base and several decoding modes."""
    return any("base" in model.methods and len(model.decodings) > 1 for model in study.reasoning_models)


def draw(results: Results) -> Figure:
    """Draw one panel per model with several decoding modes.

    Raises:
        SafeLRMError: no model has several decoding modes.
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
        seeds = results.safety_of_seeds(model, ANSWER, decoding=mode)
        yield Series(f"{title}, answer y", results.safety(model, ANSWER, decoding=mode), colour, marker, seeds=seeds)
        if not results.safety(model, TRACE, decoding=mode).empty:
            both = results.safety(model, BOTH, decoding=mode)
            seeds = results.safety_of_seeds(model, BOTH, decoding=mode)
            yield Series(f"{title}, both t+y", both, colour, marker, hollow=True, seeds=seeds)
