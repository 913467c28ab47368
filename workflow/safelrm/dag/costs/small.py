"""What is known of jobs that ask no model."""

from collections.abc import Mapping

# seconds of jobs without a model, as the nano study's took
SMALL: Mapping[str, float] = {
    **dict.fromkeys(("curate", "select", "samples", "table", "latex", "figure", "audit", "rows"), 1.0),
    **dict.fromkeys(("metrics", "compare", "claims", "calibrate", "measures", "memorisation"), 4.0),
    **dict.fromkeys(("pin", "fetch_dataset"), 4.0),
    **dict.fromkeys(("refine", "contamination", "data_cards"), 60.0),
    **{"verify": 30.0, "validate": 20.0, "fetch_all": 0.0, "all": 0.0},
}
# rules whose jobs hold rows of all rollouts in memory
READERS = ("samples", "metrics", "compare", "claims", "calibrate", "validate", "measures")
