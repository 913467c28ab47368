"""The figures and tables of a study: those of this package, and what a configuration adds, changes or leaves out."""

import difflib
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from safelrm.core.settings import ModulePath, Name, Strict

PLOTS, SHEETS = "safelrm.reporting.plots", "safelrm.reporting.sheets"
FIGURES = ("safety_gap", "trace_vs_answer", "thinking", "sft_gain", "tradeoff")
TABLES = ("summary", "safety_by_category", "decodings", "consistency", "power", "measures", "collapse")
# tables that the rules `compare` and `calibrate` make
TAKEN = ("differences", "calibration")


class ReportEntry(Strict):
    """One figure or table."""

    module: ModulePath = Field(description="module that makes it, such as safelrm.reporting.plots.tradeoff")
    settings: dict[str, object] = Field(default_factory=dict, description="settings of that module")


def _added_to(package: str, names: tuple[str, ...], taken: tuple[str, ...] = ()) -> BeforeValidator:
    """Adds the given entries to this package's, of which `null` leaves one out."""

    def merged(given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        entries: dict[object, object] = {name: {"module": f"{package}.{name}"} for name in names}
        for name, entry in given.items():
            if name in taken:
                raise ValueError(f"the workflow makes `{name}` itself: it cannot be left out, nor its name be given")
            near = difflib.get_close_matches(str(name), names, n=1)
            if entry is None and name not in entries and near:
                raise ValueError(f"there is no `{name}` to leave out: did you mean `{near[0]}`?")
            own = entries.get(name, {})
            entries[name] = own | dict(entry) if isinstance(entry, Mapping) else entry
        return {name: entry for name, entry in entries.items() if entry is not None}

    return BeforeValidator(merged, json_schema_input_type=dict[Name, ReportEntry | None])


Figures = Annotated[dict[Name, ReportEntry], _added_to(PLOTS, FIGURES)]
Tables = Annotated[dict[Name, ReportEntry], _added_to(SHEETS, TABLES, TAKEN)]
