"""The table and the figure of entropies, from samples whose numbers are known."""

from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from metrics_fixtures import models
from scipy import stats

from safelrm.analysis.entropy_schemas import ENTROPIES, ENTROPY_HISTOGRAMS, ENTROPY_MEANS, ENTROPY_POSITIONS
from safelrm.analysis.settings import FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.entropy_settings import EntropyFigureSettings
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.plots import entropy as figure
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import entropy as sheet
from safelrm.reporting.style import STYLE

STUDY = FigureSettings(models=models(m=["think", "plain"], k=["default"]), confidence=0.95)
RNG = np.random.default_rng(0)
GROUP = {"model": "m", "decoding": "think", "benchmark": "b", "kind": "harmful"}


def samples(arm: str, seed: int, size: int = 40, **more: object) -> pd.DataFrame:
    """Rows of ENTROPIES of ten tokens each; those of a base lack the columns of the base."""
    entropy = RNG.uniform(0.5, 1.5, size)
    of_base = arm != "base"
    return pd.DataFrame(
        {
            **GROUP,
            **{"arm": arm, "seed": seed, "prompt_id": [f"p{number}" for number in range(size)], "sample": 0},
            **{"category": "c", "temperature": 1.0, "tokens": 10, "resplit": False, "entropy": entropy},
            "base_entropy": entropy + RNG.uniform(0.1, 0.3, size) if of_base else None,
            "kl": RNG.uniform(0.0, 0.2, size) if of_base else None,
            **{"top_tokens": 2, "top_entropy": 2 * entropy, "top_share": 0.4, "threshold": 0.5, "reflections": 1},
            **{"reflection_entropy": entropy / 2, "reflection_base_entropy": entropy if of_base else None},
        }
        | more
    )


def bins(arm: str, seed: int, part: str = "t") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of ENTROPY_HISTOGRAMS and of ENTROPY_POSITIONS: four bins up to 2 nats and one above; two places."""
    run, of_base = GROUP | {"arm": arm, "seed": seed, "part": part}, arm != "base"
    ends = [0.0, 0.5, 1.0, 1.5, 2.0]
    histogram = {"bin": range(5), "low": ends, "high": [*ends[1:], None], "count": [6, 2, 0, 1, 1]}
    histogram["base_count"] = [4, 4, 0, 1, 1] if of_base else None
    places = {"bin": [0, 1], "low": [0.0, 0.5], "high": [0.5, 1.0], "n": [4, 6]}
    places |= {"entropy_sum": [4.0 * seed, 3.0], "entropy_squares": [4.0, 2.0]}
    for name, sums in (("base_entropy", [2.0, 1.0]), ("kl", [1.0, 0.6])):
        places |= {f"{name}_sum": sums if of_base else None, f"{name}_squares": sums if of_base else None}
    return pd.DataFrame(run | histogram), pd.DataFrame(run | places)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The tables as jobs write them and reports read them."""
    folder, read = tmp_path_factory.mktemp("results"), {}
    runs = [("base", 1), ("sft-x", 1), ("sft-x", 2), ("rl-y", 1)]
    few = samples("sft-x", 2, size=9, decoding="plain", kind="benign", benchmark="c")
    parts = {
        "entropies": (
            ENTROPIES,
            [pd.concat([samples(*run), few] if run == ("sft-x", 2) else [samples(*run)]) for run in runs],
        ),
        "entropy_histograms": (ENTROPY_HISTOGRAMS, [bins(*run)[0] for run in runs]),
        "entropy_positions": (ENTROPY_POSITIONS, [bins(*run)[1] for run in runs]),
    }
    for name, (table, frames) in parts.items():
        paths = [folder / name / f"m/{arm}/seed{seed}.parquet" for arm, seed in runs]
        for path, frame in zip(paths, frames, strict=True):
            table.write(path, frame)
        read[name] = pd.concat([table.read(path) for path in paths], ignore_index=True)
    return Results(read, STUDY)


def line(rows: pd.DataFrame, arm: str, decoding: str = "think") -> pd.Series:
    return rows[(rows.arm == arm) & (rows.decoding == decoding)].iloc[0]


def test_means_and_intervals_by_other_code(shown, tmp_path):
    rows = sheet.rows(shown)
    ENTROPY_MEANS.write_csv(tmp_path / "entropy.csv", rows)
    given = shown["entropies"]
    one = given[(given.arm == "rl-y")]
    found = line(rows, "rl-y")
    change = (one.entropy - one.base_entropy).astype(float)
    assert found.entropy == pytest.approx(one.entropy.mean()) and found.change == pytest.approx(change.mean())
    expected = stats.ttest_1samp(change, 0.0).confidence_interval(0.95)
    assert (found.change_low, found.change_high) == pytest.approx((expected.low, expected.high))
    assert found.base_entropy == pytest.approx(one.base_entropy.mean()) and found.kl == pytest.approx(one.kl.mean())
    assert (found.n, found.tokens, found.seeds, found.reflections) == (40, 400, 1, 40)
    # of each sample two of ten tokens, with twice the mean
    assert found.top_share == pytest.approx(0.4) and found.top_entropy == pytest.approx(2 * one.entropy.mean())
    assert found.reflection_entropy == pytest.approx(one.entropy.mean() / 2)
    several = line(rows, "sft-x")
    assert (several.n, several.seeds) == (80, 2)


def test_arms_stand_in_order_and_a_base_has_no_change(shown):
    rows = sheet.rows(shown)
    assert rows.arm.tolist() == ["base", "sft-x", "rl-y", "sft-x"]
    assert rows.decoding.tolist() == ["think"] * 3 + ["plain"]
    base = line(rows, "base")
    assert pd.isna([base.change, base.kl, base.base_entropy, base.reflection_base_entropy]).all()
    assert base.entropy_low < base.entropy < base.entropy_high


def test_the_table_says_what_is_missing(shown):
    text = sheet.markdown(sheet.rows(shown), shown)
    assert text.index("**m, think**") < text.index("**m, plain**")
    assert "| sft-x | benign | 1 | (9) | - | - | - | - | - | - | - |" in text
    (base,) = (line for line in text.splitlines() if line.startswith("| base |"))
    assert base.count("| - ") == 3 and "/" not in base
    assert "95 % intervals" in text and "other tokens than" not in text
    split = Results({"entropies": shown["entropies"].assign(resplit=True)}, STUDY)
    assert "169 of 169 samples were read in other tokens than" in sheet.markdown(sheet.rows(split), split)


def test_samples_without_tokens_count_for_nothing(shown):
    empty = samples("sft-x", 3, size=5).assign(
        **{"tokens": 0, "top_tokens": 0, "reflections": 0, "entropy": None, "base_entropy": None, "kl": None},
        **{"top_entropy": None, "top_share": None, "reflection_entropy": None, "reflection_base_entropy": None},
    )
    # as they are read from a file
    empty = empty[shown["entropies"].columns].astype(shown["entropies"].dtypes)
    found = sheet.rows(Results({"entropies": pd.concat([shown["entropies"], empty])}, STUDY))
    assert line(found, "sft-x").drop("seeds").equals(line(sheet.rows(shown), "sft-x").drop("seeds"))
    alone = sheet.rows(Results({"entropies": empty}, STUDY))
    assert alone.n.tolist() == [0] and alone[["entropy", "change", "top_share"]].isna().all(axis=None)


def test_the_figure_can_be_read_without_colour_and_has_the_same_bytes_each_time(shown):
    drawn = []
    for _ in range(2):
        with mpl.rc_context(STYLE):
            found = figure.draw(shown, EntropyFigureSettings())
            found.savefig(file := BytesIO(), format="svg", metadata={"Date": None})
        drawn.append(file.getvalue())
    assert drawn[0] == drawn[1]
    assert [axes.get_title() for axes in found.axes] == ["histogram", "by relative place", "KL to the base"]
    assert all("nats" in axes.get_xlabel() + axes.get_ylabel() for axes in found.axes)
    looks = [(each.get_marker(), each.get_linestyle()) for each in found.axes[1].lines]
    # the base, and two arms with the base on the same prefixes
    assert len(looks) == len(set(looks)) == 5
    assert len(found.axes[2].lines) == 2
    assert "base 10; sft-x 20; rl-y 10" in found.get_supxlabel().replace("\n", " ")
    plt.close("all")


def test_the_figure_shows_shares_and_means_over_all_seeds(shown):
    found = figure.draw(shown, EntropyFigureSettings(arms=["sft-x"]))
    own, base = found.axes[0].lines
    assert own.get_xdata().tolist() == [0.25, 0.75, 1.25, 1.75, 2.25]
    assert own.get_ydata() == pytest.approx([0.6, 0.2, np.nan, 0.1, 0.1], nan_ok=True)
    assert base.get_ydata() == pytest.approx([0.4, 0.4, np.nan, 0.1, 0.1], nan_ok=True)
    own, base = found.axes[1].lines
    assert own.get_xdata().tolist() == [0.25, 0.75]
    # seeds 1 and 2: sums of 4 and 8 over 4 tokens each
    assert own.get_ydata() == pytest.approx([12 / 8, 0.5]) and base.get_ydata() == pytest.approx([0.5, 1 / 6])
    assert found.axes[2].lines[0].get_ydata() == pytest.approx([0.25, 0.1])
    plt.close("all")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "x"}, "there is no model `x`"),
        ({"arms": ["sft-z"]}, "no tokens of ['sft-z']"),
        ({"decoding": "plain"}, "decoding plain"),
        ({"part": "y"}, "part y"),
        ({"model": "k"}, "model k, decoding default"),
    ],
)
def test_what_cannot_be_shown_is_told(shown, settings, said):
    with pytest.raises(SafeLRMError) as error:
        figure.draw(shown, EntropyFigureSettings.model_validate(settings))
    assert said in str(error.value)


def test_a_study_without_entropies_shows_nothing():
    assert not sheet.shown(StudyOutline()) and not figure.shown(StudyOutline())
    assert sheet.shown(StudyOutline(uncertain=True)) and figure.shown(StudyOutline(uncertain=True))
