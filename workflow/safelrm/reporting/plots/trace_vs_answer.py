"""Figure *trace against answer*: what does a score of the answer alone overlook? By category.

There is one panel per reasoning model. Its base is scored on the trace t, the answer y and both. The reference model
has no trace and is scored on y.
"""

from matplotlib.figure import Figure

from safelrm.judging.schemas import ANSWER, BOTH, TRACE
from safelrm.reporting.by_category import Series, draw_by_category
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results
from safelrm.reporting.style import BLUE, GREY, ORANGE, VERMILION, legend_above, note, panels

INPUTS = ("metrics", "seeds")
CAPTION = """
Safety of each reasoning base by category, scored on its trace t, its answer y and both (t+y). The answer of the
reference stands beside them if the study has a reference. If t+y lies left of y, the answer alone hides what the trace
says.

Safety is by the judge ``{safety_judge}``. Each model is shown in its first decoding mode. Bars are intervals over
prompts and seeds. Small points are single seeds, over all prompts.
"""

LOOKS = ((TRACE, "trace t", ORANGE, "^"), (ANSWER, "answer y", BLUE, "s"), (BOTH, "both t+y", VERMILION, "o"))


def shown(study: StudyOutline) -> bool:
    """Whether a reasoning model has a base."""
    return any("base" in model.methods for model in study.reasoning_models)


def draw(results: Results) -> Figure:
    """Draw one panel per reasoning model, each with the reference model if the study has one."""
    figure, axes = panels(len(results.reasoning_models), width=4.6, height=5.6, sharey=True)
    reference = results.study.reference_model
    for panel, model in zip(axes, results.reasoning_models, strict=True):
        series = [
            Series(label, results.safety(model, part), *look, seeds=results.safety_of_seeds(model, part))
            for part, label, *look in LOOKS
        ]
        if reference is not None:
            rows, seeds = results.safety(reference, ANSWER), results.safety_of_seeds(reference, ANSWER)
            series.append(Series(f"{reference}, answer y", rows, GREY, "D", hollow=True, seeds=seeds))
        handles = draw_by_category(panel, series)
        panel.set_title(model)
    legend_above(figure, handles, columns=4)
    note(figure, results)
    return figure
