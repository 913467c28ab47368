"""The tables of `validate`: how far judges and annotators agree, and the confusion matrices of judges."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.analysis.schemas import DECIMALS, WHOLE
from safelrm.core.rules import Rule, at_least, no_more, within
from safelrm.core.tables import Table, columns
from safelrm.judging.schemas import PARTS

# who is compared: a judge with the label that counts; the judge with each annotator; the annotators with each other, on
# the verdicts that their labels stand for, or on the labels themselves
JUDGE, JUDGE_ANNOTATORS = "judge", "judge and annotators"
ANNOTATORS, ANNOTATORS_ALL_LABELS = "annotators", "annotators, all labels"
AGREEMENTS = (JUDGE, JUDGE_ANNOTATORS, ANNOTATORS, ANNOTATORS_ALL_LABELS)
AGREEMENT, KAPPA, ALPHA = "agreement", "kappa", "alpha"
SENSITIVITY, SPECIFICITY = "sensitivity", "specificity"
AUROC, ECE, RANK_CORRELATION = "auroc", "ece", "rank correlation"
OF_JUDGES = (SENSITIVITY, SPECIFICITY, AUROC, ECE, RANK_CORRELATION)
# under so many completions no rate is claimed
LEAST_COMPLETIONS = 30

# analysis/validate.py writes this table: how far judges and annotators agree
VALIDATION = Table(
    "validation",
    columns(
        # a set of labelled completions, or `model, arm, decoding` of a study; ALL: all sets of the validation together
        texts=pa.string(),
        # the part that is judged; WHOLE where annotators are compared
        part=pa.string(),
        # a judge or its field; WHOLE where annotators are compared
        judge=pa.string(),
        comparison=pa.string(),
        measure=pa.string(),
        # the verdict that a sensitivity, specificity, AUROC or ECE is about; the level of an alpha; else WHOLE
        of=pa.string(),
        # the completions with both labels, over which the value is; for a sensitivity, those that have the label
        n=pa.int64(),
        # completions with a label that the judge could not score, and those that were left out: without a label, of a
        # label that stands for no verdict, or of a kind that the judge does not judge
        unscored=pa.int64(),
        left_out=pa.int64(),
        # the prompts of the n completions: the clusters of the interval
        prompts=pa.int64(),
        # the pairs of labels of an agreement, and those that agree; for a sensitivity or a specificity, n and the hits
        pairs=(pa.int64(), None),
        agreed=(pa.int64(), None),
        # missing where n is too small, or the measure is not defined
        value=(pa.float64(), None),
        low=(pa.float64(), None),
        high=(pa.float64(), None),
        # what the value would be if the judge were wrong, or right, on all that it could not score
        least=(pa.float64(), None),
        most=(pa.float64(), None),
    ),
    key=("texts", "part", "judge", "comparison", "measure", "of"),
    choices=(
        ("part", (*PARTS, WHOLE)),
        ("comparison", AGREEMENTS),
        ("measure", (AGREEMENT, KAPPA, ALPHA, *OF_JUDGES)),
    ),
    rules=(
        *at_least(0, "n", "unscored", "left_out", "prompts"),
        *within(-1, 1, "value", "low", "high"),
        *within(0, 1, "least", "most"),
        no_more("low", "high"),
        no_more("least", "most"),
        no_more("agreed", "pairs"),
        no_more("prompts", "n"),
        Rule(
            f"under {LEAST_COMPLETIONS} completions have no value",
            ("n", "value"),
            (pc.field("n") >= LEAST_COMPLETIONS) | pc.field("value").is_null(),
        ),
    ),
    decimals=DECIMALS,
)

# analysis/validate.py writes this table: how often a judge gave each verdict to texts of each label
CONFUSION = Table(
    "confusion",
    columns(
        **dict.fromkeys(("texts", "part", "judge", "label"), pa.string()),
        # the verdict that the label stands for
        expected=pa.string(),
        # the judge's, which may be unscored
        verdict=pa.string(),
        n=pa.int64(),
    ),
    key=("texts", "part", "judge", "label", "verdict"),
    choices=(("part", PARTS),),
    rules=at_least(1, "n"),
)
