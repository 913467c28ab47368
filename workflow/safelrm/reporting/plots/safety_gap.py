"""Figure *safety gap*: are reasoning models less safe than a model that does not reason? By category.

The figure compares answers (y), which all models have.
"""

from itertools import cycle

from matplotlib.figure import Figure

from safelrm.judging.schemas import ANSWER
from safelrm.reporting.by_category import Series, draw_by_category
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results
from safelrm.reporting.style import GREY, LOOKS, legend_above, note, panels

INPUTS = ("metrics", "seeds")
CAPTION = """
Safety of the answer y of each base by category. The reference, which does not reason, is hollow. Further right is
safer. The last line is over all prompts.

Safety is by the judge ``{safety_judge}``. Each model is shown in its first decoding mode. Bars are intervals over
prompts and seeds. Small points are single seeds, over all prompts.
"""


def shown(study: StudyOutline) -> bool:
    """Whether the reference model and another one have a base."""
    reference = study.reference_model
    others = any("base" in model.methods for model in study.reasoning_models)
    return others and reference is not None and "base" in reference.methods


def draw(results: Results) -> Figure:
    """Draw the bases of the reasoning models and of the reference model.

    Raises:
        SafeLRMError: the study names no reference model.
    """
    figure, (axes,) = panels(1, width=7.2, height=5.4)
    series = [
        Series(
            f"{model} (reasoning)", results.safety(model, ANSWER), *look, seeds=results.safety_of_seeds(model, ANSWER)
        )
        for model, look in zip(results.reasoning_models, cycle(LOOKS), strict=False)
    ]
    reference = results.reference_model
    rows, seeds = results.safety(reference, ANSWER), results.safety_of_seeds(reference, ANSWER)
    series.append(Series(f"{reference} (reference)", rows, GREY, "D", hollow=True, seeds=seeds))
    handles = draw_by_category(axes, series)
    axes.set_title("Safety of the bases, answer only")
    legend_above(figure, handles, columns=3)
    note(figure, results)
    return figure
