"""Figure: how much traces repeat themselves, by arm."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from safelrm.reporting.results import Results

INPUTS = ("measures",)
CAPTION = "Words of a trace that stood in it before, as a share of its words: mean over all prompts, by arm."


def draw(results: Results) -> Figure:
    """One bar per model and arm."""
    rows = results["measures"].query("measure == 'repeated'").groupby(["model", "arm"]).value.mean()
    figure, axes = plt.subplots()
    axes.barh([" ".join(run) for run in rows.index], rows)
    axes.set_xlabel("repeated words, share")
    return figure
