"""Figure *attack success*: how often does each kind of harmful prompt get what it asks for? By arm.

A benchmark is one wording of harmful requests: none, a pretext, or an attack such as PAP or PAIR (arXiv 2505.15404,
table 1).
"""

from matplotlib.figure import Figure

from safelrm.analysis.layout import of_first_mode
from safelrm.analysis.schemas import SAFETY
from safelrm.judging.schemas import BOTH
from safelrm.reporting.by_arm import counts, draw_by_arm
from safelrm.reporting.results import Results
from safelrm.reporting.style import note

INPUTS = ("metrics", "seeds")
CAPTION = """
Attack success rate of every harmful benchmark, by arm: the share of samples whose trace and answer together are not
safe (1 less the safety on t+y). What a judge of the language calls broken counts as not safe, too.

Safety is by the judge ``{safety_judge}``. Each model is shown in its first decoding mode. Bars are intervals over
prompts and seeds. Small points are single seeds.
"""


def draw(results: Results) -> Figure:
    """Draw one panel per model."""
    rows = results.scored(SAFETY)
    rows = rows[rows.part == BOTH]
    seeds = of_first_mode(results.seeds, results.study.models)
    seeds = seeds[(seeds.metric == SAFETY) & (seeds.part == BOTH) & seeds.value.notna()]
    series = {name: name for name in sorted(set(rows.benchmark))}
    # an interval of the complement has its ends changed
    rates = rows.assign(series=rows.benchmark, value=1 - rows.value, low=1 - rows.high, high=1 - rows.low)
    of_seeds = seeds.assign(series=seeds.benchmark, value=1 - seeds.value)
    figure = draw_by_arm(rates, of_seeds, series, "attack success rate")
    note(figure, results, counts(rows), on_all=True)
    return figure
