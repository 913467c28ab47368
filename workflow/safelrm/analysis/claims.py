"""Claims of the literature, tested: what each says, the effect on the study's numbers, and a verdict.

Input:  samples and verdicts of every run, and the trace analyses that claims are about.
Output: the table CLAIMS (analysis/claims_schemas.py), as Parquet and CSV, and a Markdown text for readers.

The configuration declares a claim before the seeds that test it are run. docs/claims.md says how a verdict is made:

1. The effect: a difference of two sides, a difference of two differences, or a difference of two spreads
   (`claim_effects`), with a standard error over prompts and seeds (`contrasts`).
2. Its interval, and the p of two questions: is there an effect, and is it smaller than what matters
   (`claim_verdicts`). Both are corrected over all claims.
3. The verdict: supported, contradicted, undecided, or built in.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from safelrm.analysis.claim_effects import effects, found_in, measured_values, part_of, reach
from safelrm.analysis.claim_verdicts import BothTests, both_tests, decided
from safelrm.analysis.claims_schemas import CLAIMS, UNDECIDED, VERDICTS_OF_CLAIMS
from safelrm.analysis.claims_settings import ClaimsJobSettings, DeclaredClaim
from safelrm.analysis.files import read_judged, require_models, results_parser, write_csv_and_markdown
from safelrm.analysis.layout import NONE, interval_text, markdown_table
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import ALL, ANALYSES, NO_TEST, WHOLE
from safelrm.core.cli import parse_settings, run

SIGNS = {"greater": "> 0", "less": "< 0", "same": "= 0", "different": "≠ 0"}


def claimed_values(
    samples: pd.DataFrame, verdicts: pd.DataFrame, analyses: Sequence[Path], settings: ClaimsJobSettings
) -> pd.DataFrame:
    """The values that claims may be about: outcomes of every run, and what trace analyses measured.

    Args:
        samples: rows of SAMPLES.
        verdicts: rows of VERDICTS of the judges of the metrics.
        analyses: tables of trace analyses, if any.
        settings: the judges.
    """
    values = [outcomes(samples, verdicts, settings)]
    if analyses:
        values.append(measured_values([ANALYSES.read(path) for path in analyses]))
    return pd.concat(values, ignore_index=True)


def claims(values: pd.DataFrame, settings: ClaimsJobSettings) -> pd.DataFrame:
    """The rows of CLAIMS, in the order of the configuration.

    Args:
        values: outcomes of every run (`safelrm.analysis.outcomes`), and what trace analyses measured.
        settings: the claims, the judges and the level.
    """
    rows = [row for declared in settings.claims for row in _rows(declared, values, settings)]
    return decided(pd.DataFrame(rows), settings.confidence)[CLAIMS.schema.names]


def _rows(declared: DeclaredClaim, values: pd.DataFrame, settings: ClaimsJobSettings) -> list[dict[str, object]]:
    claim, part = declared.claim, part_of(declared.claim, values)
    named = ", ".join(declared.built_in)
    given = {name: getattr(claim, name) for name in ("says", "source", "kind", "metric", "direction")}
    given |= {
        "claim": declared.name,
        "benchmarks": ", ".join(claim.benchmarks),
        # sides with parts of their own name them
        "part": WHOLE if all(side.part for side in claim.sides) else part,
        "category": claim.category or ALL,
        "smallest_effect": claim.smallest_effect,
        "built_in": f"rules have written what made {named}" if named else "",
    }
    rows = []
    for effect in effects(claim, settings, part):
        found = found_in(effect, claim, values)
        said = BothTests(NO_TEST)
        if found.estimate is not None and not found.reason:
            least, bound = claim.smallest_effect, reach(claim, settings)
            said = both_tests(found.estimate, claim.direction, least, settings.confidence, bound)
        silent = "" if said.test != NO_TEST else "prompts and seeds do not say how uncertain the effect is"
        low, high = said.interval or (None, None)
        models = dict.fromkeys(mean.model for mean in effect.means)
        rows.append(
            given
            | {
                "model": effect.model,
                "scale": ", ".join(f"{model} ({settings.origins[model]})" for model in models),
                "contrast": effect.text,
                "seeds": found.seeds,
                "prompts": found.prompts,
                "left_out": found.left_out,
                "effect": getattr(found.estimate, "value", None),
                "error": getattr(found.estimate, "error", None),
                "freedom": getattr(found.estimate, "freedom", None),
                "low": low,
                "high": high,
                "test": said.test,
                "p": said.p,
                "p_small": said.p_small,
                "reason": found.reason or silent,
            }
        )
    return rows


def markdown(rows: pd.DataFrame, settings: ClaimsJobSettings) -> str:
    """A line per test, with a head that counts the verdicts and a foot that explains the columns."""
    counts = [f"{(rows.verdict == verdict).sum()} {verdict}" for verdict in VERDICTS_OF_CLAIMS]
    models = "".join(f"- `{name}`: {origin}\n" for name, origin in settings.origins.items())
    head = ["claim", "source", "models", "effect", "claimed", "found", "p_holm", "p_small", "n", "seeds", "verdict"]
    return (
        f"# Claims, on the study `{settings.study}`\n\n{len(rows)} tests of {rows.claim.nunique()} claims:"
        f" {', '.join(counts)}. These verdicts hold at the scale that was run, and say nothing of others:\n\n{models}\n"
        + markdown_table(head, (_line(row) for _, row in rows.iterrows()))
        + _foot(settings)
    )


def _line(row: pd.Series) -> list[str]:
    topic = " ".join(text for text in (row.metric, row.part) if text != NONE)
    category = "" if row.category == ALL else f", {row.category} alone"
    found = NONE if pd.isna(row.effect) else f"{row.effect:+.3f}"
    if not pd.isna(row.low):
        found += f" {interval_text(row.low, row.high, signed=True)}"
    verdict = f"**{row.verdict}** ({row.finding})"
    return [
        _cell(f"`{row.claim}`: {row.says}"),
        _cell(row.source),
        _cell(row["scale"]),
        _cell(f"{topic} on {row.benchmarks}{category}: {row.contrast}"),
        f"{SIGNS[row.direction]}, by {row.smallest_effect:g}",
        f"{found} ({row.test})",
        *(NONE if pd.isna(p) else "< .001" if p < 0.001 else f"{p:.3f}" for p in (row.p_holm, row.p_small_holm)),
        f"{row.prompts}",
        NONE if pd.isna(row.seeds) else f"{row.seeds:g}",
        _cell(verdict if pd.isna(row.reason) else f"{verdict}: {row.reason}"),
    ]


def _cell(text: str) -> str:
    """A text that does not end its cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def _foot(settings: ClaimsJobSettings) -> str:
    level = 100 * settings.confidence
    return (
        f"\nFound: the effect with its {level:g} % interval for new prompts and, on trained sides, new seeds, and its"
        " test. Claimed: its sign, and the smallest effect of interest. `p_holm`: that there is no effect. `p_small`:"
        " that the effect is at least the smallest one. Both after Holm's correction for all claims with a verdict;"
        " those that are built in are corrected among themselves. n: prompts. Seeds: of the trained side that has"
        f" fewest.\n\nSupported: `p_holm` is at most {1 - settings.confidence:.2g}, and the effect reaches the smallest"
        " one in the claimed direction (for `= 0`: `p_small` is). Contradicted: it does so in the other direction"
        " (the opposite), or `p_small` is at most that (too small); for `= 0`, there is an effect of that size (not"
        f" the same). {UNDECIDED.capitalize()}: neither. Built in: rules have written what an arm is trained on, so"
        " the number shows the rules, too, and is no evidence.\n\n"
        f"Judges: safety, leak and escape by `{settings.safety_judge}`, over-refusal by `{settings.refusal_judge}`,"
        f" accuracy by `{settings.accuracy_judge}`.\n"
    )


def main() -> None:
    """Run the command."""
    parser = results_parser(__doc__, "samples", "verdicts", "output", "csv", "markdown")
    parser.add_argument("--analyses", nargs="*", type=Path, default=[], help="tables of the trace analyses, if any")
    arguments = parser.parse_args()
    settings = parse_settings(ClaimsJobSettings, arguments.settings)
    samples, verdicts = read_judged(arguments.samples, arguments.verdicts)
    require_models(samples, settings.models, arguments.samples)
    rows = claims(claimed_values(samples, verdicts, arguments.analyses, settings), settings)
    CLAIMS.write(arguments.output, rows)
    write_csv_and_markdown(CLAIMS, rows, markdown(rows, settings), arguments)


if __name__ == "__main__":
    run(main)
