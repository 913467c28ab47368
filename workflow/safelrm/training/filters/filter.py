"""The contract of filters, which reject samples of a distillation before students are trained on them.

A filter is a module, which the configuration names by its dotted path. It offers

    JUDGES = ("judge",)
    class Settings(Strict)
    def reasons(samples: pandas.DataFrame, said: Mapping[str, Said], settings: Settings) -> list[str | None]

`samples` are rows of DISTILLED of the filter's kinds of prompts, which have ended with an answer and which no earlier
filter has rejected. `reasons` gives one entry for each, in order: None keeps a sample, a short text says why it is
rejected. Reasons are counted, so they hold nothing of a sample's texts. It is a pure function.

`JUDGES` is a literal: the keys of `Settings` that name a judge, as `judge` or `judge.field`. A module that reads no
judge leaves it out. `said` has, by such a key, what that judge has said. A key without a judge (null) is left out.
"""

import traceback
from collections.abc import Mapping

import pandas as pd
from pydantic import ValidationError

from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import load_registered, module_fault
from safelrm.judging.fields import said_by
from safelrm.judging.schemas import PARTS, UNSCORED
from safelrm.training.selection_settings import FilterEntry

# what a judge says of parts of samples: by part, one row for each sample, with the columns SAID
Said = Mapping[str, pd.DataFrame]
SAID = ["verdict", "score", "state"]
SAMPLE = ["prompt_id", "sample"]
# the state of a part that the judge has left out
NOT_JUDGED = "not_judged"


def said_of(samples: pd.DataFrame, verdicts: pd.DataFrame, reference: str) -> dict[str, pd.DataFrame]:
    """What a judge, or one of its fields, says of samples. What did not end is unscored.

    Args:
        samples: rows of DISTILLED.
        verdicts: rows of VERDICTS of that judge on the distillation.
        reference: the judge or the field.
    """
    rows, places = said_by(verdicts, reference), pd.MultiIndex.from_frame(samples[SAMPLE])
    found: dict[str, pd.DataFrame] = {}
    for part in PARTS:
        of_part = rows[rows["part"] == part].set_index(SAMPLE)[SAID].reindex(places).set_index(samples.index)
        left_out = of_part["verdict"].isna()
        found[part] = of_part.assign(
            verdict=of_part["verdict"].mask(left_out, UNSCORED), state=of_part["state"].mask(left_out, NOT_JUDGED)
        )
    return found


def reasons_of(entry: FilterEntry, samples: pd.DataFrame, verdicts: Mapping[str, pd.DataFrame]) -> list[str | None]:
    """The reasons that a filter gives.

    Args:
        entry: the filter.
        samples: rows of DISTILLED of its kinds.
        verdicts: rows of VERDICTS by judge.

    Raises:
        SafeLRMError: the module cannot be loaded, fails, or gives something else than a filter must give.
    """
    module = load_registered(entry.module, "Settings", "reasons")
    try:
        settings = module.Settings.model_validate(entry.settings)
    except ValidationError as error:
        raise settings_error(error, entry.module) from None
    names = {key: entry.settings.get(key) for key in getattr(module, "JUDGES", ())}
    said = {
        key: said_of(samples, verdicts[str(name).partition(".")[0]], str(name)) for key, name in names.items() if name
    }
    try:
        given = module.reasons(samples, said, settings)
    except SafeLRMError as error:
        error.file = error.file or entry.module
        raise
    except Exception as error:
        traceback.print_exc()
        raise module_fault(entry.module, f"`reasons` stopped with {type(error).__name__}: {error}") from error
    if not isinstance(given, list) or not all(isinstance(reason, str | None) and reason != "" for reason in given):
        raise module_fault(entry.module, "`reasons` returns no list of texts and None", key="reasons")
    if len(given) != len(samples):
        raise module_fault(entry.module, f"`reasons` returns {len(given)} entries for {len(samples)} samples")
    return given
