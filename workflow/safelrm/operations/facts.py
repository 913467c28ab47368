"""Look up on the hub what a preset of a data set does not know: the file of a repository, and columns.

A preset lists the values that a fact may have. The hub must have exactly one of them. Rows are fetched for the names of
their columns, and forgotten.
"""

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from safelrm.core.errors import SafeLRMError
from safelrm.data.presets import data_presets, unknown_settings
from safelrm.models.fetch import ROWS, fetch_dataset
from safelrm.models.online import hub, reaching
from safelrm.models.settings import FetchDatasetSettings
from safelrm.operations.blanks import Blank

Fault = Callable[[str], SafeLRMError]
HUB_FILE, COLUMNS = "hub_file", "columns."
# a text that YAML reads as a text without quotation marks
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")


def found_facts(blank: Blank, commit: str, file: str) -> list[str]:
    """What the settings of a data set lack, as YAML: one `key: value` for each key.

    Args:
        blank: the blank of a data set with a preset.
        commit: the commit of the hub at which to look.
        file: the configuration, for messages.

    Raises:
        SafeLRMError: the hub cannot be reached, or has none or several of the values that the preset lists.
    """
    settings, wanted = dict(blank.settings or {}), data_presets()[blank.preset].find
    unknown, facts = [*unknown_settings(settings)], []
    key = blank.key.rpartition(".")[0]
    if HUB_FILE in unknown:
        with reaching(blank.repo, file=file, key=key):
            listed = hub().list_repo_files(blank.repo, repo_type="dataset", revision=commit)
        names = [name for name in listed if PurePosixPath(name).name in wanted[HUB_FILE]]
        settings[HUB_FILE] = _only(names, listed, wanted[HUB_FILE], _faults(blank, file, f"{key}.{HUB_FILE}"))
        facts.append(f"{HUB_FILE}: {_plain(settings[HUB_FILE])}")
    if columns := [name for name in unknown if name.startswith(COLUMNS)]:
        there = _columns(blank, settings, commit, file, key)
        found = {}
        for name in columns:
            named = [one for one in wanted[name] if one in there]
            found[name.removeprefix(COLUMNS)] = _only(named, there, wanted[name], _faults(blank, file, f"{key}.{name}"))
        facts.append(f"columns: {{{', '.join(f'{name}: {_plain(column)}' for name, column in found.items())}}}")
    return facts


def _only(found: Sequence[str], there: Sequence[str], wanted: Sequence[str], fault: Fault) -> str:
    if len(found) != 1:
        raise fault(f"has {len(found)} of {list(wanted)}; it has {sorted(there)}")
    return found[0]


def _faults(blank: Blank, file: str, key: str) -> Fault:
    """What makes the error that a repository does not have what was expected."""

    def fault(problem: str) -> SafeLRMError:
        fix = "look at its card on the hub, and give it here"
        return SafeLRMError(f"{blank.repo} {problem}", file=file, key=key, fix=fix)

    return fault


def _columns(blank: Blank, settings: Mapping[str, object], commit: str, file: str, key: str) -> list[str]:
    """The names of the columns of a data set on the hub."""
    part = FetchDatasetSettings(
        repo=blank.repo,
        revision=commit,
        config=settings.get("hub_config"),
        data_file=settings.get(HUB_FILE),
        split=settings.get("split", "train"),
    )
    with tempfile.TemporaryDirectory() as folder:
        fetch_dataset(part, Path(folder) / "manifest.json", file, key)
        with (Path(folder) / ROWS).open(encoding="utf-8") as stream:
            return [*json.loads(next(stream, "{}"))]


def _plain(text: object) -> str:
    """A text as YAML reads it."""
    return str(text) if _PLAIN.fullmatch(str(text)) else json.dumps(text)
