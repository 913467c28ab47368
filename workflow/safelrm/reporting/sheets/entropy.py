"""Table *entropy*: how uncertain policies are at the tokens of their own samples, before and after training."""

from collections.abc import Iterator, Sequence

import pandas as pd

from safelrm.analysis.entropy_schemas import ENTROPY_MEANS, MEANS_KEY, OF_BASE
from safelrm.analysis.intervals import UNBOUNDED, Observations, mean_of
from safelrm.analysis.layout import NONE, arm_rank, interval_text, markdown_table, ranked
from safelrm.analysis.schemas import LEAST
from safelrm.data.schemas import KINDS
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results

INPUTS = ("entropies",)
TABLE = ENTROPY_MEANS
CAPTION = """
Entropy of policies at the tokens of their own samples, in nats, from the whole vocabulary: means over samples, with
intervals. ``base`` is the entropy of the base of the model after the same tokens, ``change`` the policy's less the
base's, ``KL`` the divergence of the policy from the base there. ``top 20 %`` says which share of all entropy the 20 %
of tokens with the highest entropy carry. ``temperature`` divides the logits.
"""
HEAD = ("arm", "prompts", "T", "n", "tokens", "entropy", "base", "change", "KL", "top 20 %", "at reflections")
POSITIVE = (0.0, float("inf"))


def shown(study: StudyOutline) -> bool:
    """Whether the study takes entropies."""
    return study.uncertain


def rows(results: Results) -> pd.DataFrame:
    """One row per arm, decoding mode, kind of prompts and temperature."""
    samples = results["entropies"].astype(dict.fromkeys(OF_BASE, float))
    table = pd.DataFrame(_rows(samples, results.study.confidence), columns=ENTROPY_MEANS.schema.names)
    modes = [(model.name, mode) for model in results.study.models for mode in model.decodings]
    return ranked(
        table,
        mode=[modes.index(pair) for pair in zip(table.model, table.decoding, strict=True)],
        arm=table.arm.map(arm_rank),
        kind=table.kind.map(KINDS.index),
        temperature=table.temperature,
    )


def _rows(samples: pd.DataFrame, confidence: float) -> Iterator[dict[str, object]]:
    for group, found in samples.groupby([*MEANS_KEY], sort=True):
        read = found[found.tokens > 0]
        top, marks = (read.top_entropy * read.top_tokens).sum(), read[read.reflections > 0]
        whole = (read.entropy * read.tokens).sum()
        of_base = read.base_entropy.notna()
        yield {
            **dict(zip(MEANS_KEY, group, strict=True)),
            "seeds": read.seed.nunique(),
            "n": len(read),
            "tokens": read.tokens.sum(),
            "resplit": read.resplit.sum(),
            **_mean("entropy", read, read.entropy, confidence, POSITIVE),
            "base_entropy": read.base_entropy.mean() if of_base.any() else None,
            **_mean("change", read[of_base], (read.entropy - read.base_entropy)[of_base], confidence),
            **_mean("kl", read[of_base], read.kl[of_base], confidence, POSITIVE),
            "top_entropy": _over_tokens(read, "top_entropy", "top_tokens"),
            "top_share": min(1.0, top / whole) if whole > 0 else None,
            "reflections": marks.reflections.sum(),
            "reflection_entropy": _over_tokens(marks, "reflection_entropy", "reflections"),
            "reflection_base_entropy": _over_tokens(marks, "reflection_base_entropy", "reflections"),
        }


def _mean(
    name: str, samples: pd.DataFrame, values: pd.Series, confidence: float, bounds: tuple[float, float] = UNBOUNDED
) -> dict[str, float]:
    """The mean over samples, with its interval for other prompts, and for other seeds if there are several."""
    prompts = samples.benchmark + "/" + samples.prompt_id
    mean = mean_of(Observations(values.astype(float).tolist(), prompts.tolist(), samples.seed.tolist()))
    if mean is None:
        return {}
    interval = mean.interval(confidence, bounds)
    return {name: mean.value} | (dict(zip((f"{name}_low", f"{name}_high"), interval, strict=True)) if interval else {})


def _over_tokens(samples: pd.DataFrame, mean: str, count: str) -> float | None:
    """The mean over tokens, from the means and numbers of tokens of samples."""
    known = samples[samples[mean].notna()]
    return (known[mean] * known[count]).sum() / known[count].sum() if len(known) else None


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """One table per model and decoding mode, with a line per arm and kind of prompts."""
    parts = []
    for (model, decoding), of_mode in rows.groupby(["model", "decoding"], sort=False):
        parts.append(f"**{model}, {decoding}**\n\n{markdown_table(HEAD, map(_line, of_mode.itertuples()))}")
    level = f"{100 * results.study.confidence:g}"
    note = (
        f"In brackets: {level} % intervals for new prompts and, with several seeds, new seeds (t). Entropies, changes"
        " and KL are in nats, and means over samples: each counts the same, whatever its length. *T* is the temperature"
        " of the distributions; values at different temperatures are not comparable. *top 20 %*: the share of all"
        " entropy that these tokens carry, ranked over a run's samples of a benchmark; the mean of them in parentheses."
        " *at reflections*: mean entropy at the tokens of traces that begin a marker of reflection, the base's there"
        f" after a slash, and their number in parentheses. `-`: none. Where fewer than {LEAST} samples have tokens,"
        f" their number stands alone.{_resplit(rows)}\n"
    )
    return "\n".join([*parts, note])


def _line(row: tuple) -> Sequence[str]:
    named = [row.arm, row.kind, f"{row.temperature:g}"]
    if row.n < LEAST:
        return [*named, f"({row.n})", *[NONE] * (len(HEAD) - 4)]
    return [
        *named,
        str(row.n),
        str(row.tokens),
        f"{row.entropy:.3f}{_interval(row.entropy_low, row.entropy_high)}",
        _cell("{:.3f}", row.base_entropy),
        _cell("{:+.3f}", row.change) + _interval(row.change_low, row.change_high, signed=True),
        _cell("{:.3f}", row.kl) + _interval(row.kl_low, row.kl_high),
        NONE if pd.isna(row.top_share) else f"{row.top_share:.2f} ({row.top_entropy:.3f})",
        _at_reflections(row),
    ]


def _at_reflections(row: tuple) -> str:
    if not row.reflections:
        return NONE
    base = "" if pd.isna(row.reflection_base_entropy) else f" / {row.reflection_base_entropy:.3f}"
    return f"{row.reflection_entropy:.3f}{base} ({row.reflections})"


def _cell(form: str, value: float) -> str:
    return NONE if pd.isna(value) else form.format(value)


def _interval(low: float, high: float, *, signed: bool = False) -> str:
    return "" if pd.isna(low) else f" {interval_text(low, high, signed=signed)}"


def _resplit(rows: pd.DataFrame) -> str:
    if not rows.resplit.sum():
        return ""
    return (
        f" {rows.resplit.sum()} of {rows.n.sum()} samples were read in other tokens than they were sampled in, since"
        " their tokenizer splits the text in another way."
    )
