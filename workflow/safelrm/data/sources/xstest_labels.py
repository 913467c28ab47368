"""XSTest's model completions with human labels (Röttger et al., 2024): a gold set for refusal judges.

The file has the columns `id`, `type`, `prompt`, `completion`, `annotation_1`, `annotation_2` and `final_label`. Labels
are `1_full_compliance`, `2_full_refusal` and `3_partial_refusal`. Prompts of a type `contrast_…` are unsafe, all others
safe.
"""

import pandas as pd

from safelrm.data.account import Account, account_of
from safelrm.data.records import read_records
from safelrm.data.schemas import BENIGN, FULL_COMPLIANCE, FULL_REFUSAL, HARMFUL, LABELLED, PARTIAL_REFUSAL
from safelrm.data.settings import RecordSettings as Settings
from safelrm.data.sources.table import printed

__all__ = ["TABLE", "Settings", "accounted", "load"]

TABLE = LABELLED
LABELS = {
    "1_full_compliance": FULL_COMPLIANCE,
    "2_full_refusal": FULL_REFUSAL,
    "3_partial_refusal": PARTIAL_REFUSAL,
}


def load(settings: Settings) -> pd.DataFrame:
    """The completions and their labels. What became of the rows of the file is printed.

    Raises:
        SafeLRMError: the file does not hold these columns, or an unknown label.
    """
    return printed(*accounted(settings))


def accounted(settings: Settings) -> tuple[pd.DataFrame, Account]:
    """The completions and their labels, and what became of the rows of the file.

    Raises:
        SafeLRMError: the file does not hold these columns, or an unknown label.
    """
    records = read_records(settings)
    prompts, types = records.texts("prompt"), records.texts("type")
    first, second, final = (
        [LABELS[label] for label in records.choices(column, tuple(LABELS))]
        for column in ("annotation_1", "annotation_2", "final_label")
    )
    ids = records.ids("id", prompts, "xstest")
    records.require_unique(ids, "id")
    rows = pd.DataFrame(
        {
            "prompt_id": ids,
            "kind": [HARMFUL if name.startswith("contrast_") else BENIGN for name in types],
            "category": types,
            "prompt": prompts,
            # a model may have said nothing
            "completion": records.texts("completion", empty=True),
            "final_label": final,
            "annotations": list(zip(first, second, strict=True)),
        }
    )
    return rows, account_of(records)
