"""The revisions that a configuration leaves open, and where in its text they stand.

Fill in the revisions of a configuration: every `null` becomes the commit at which the hub's main branch is now.

    PYTHONPATH=workflow python -m safelrm revisions experiments/one_gpu.yaml

Revisions that are given stay as they are. The file is changed in these places alone: comments and form are kept.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_text
from safelrm.dag.registry import settings_model
from safelrm.models.online import go_online, hub, reaching

NULL = "tag:yaml.org,2002:null"
Mappings = Mapping[str, yaml.Node]


@dataclass(frozen=True)
class Blank:
    """A revision that is not given.

    Attributes:
        key: where it stands, such as models.qwen3_8b.hub.revision.
        kind: model or dataset, as the hub's library names them.
        repo: id on the hub.
        position: index in the text at which the revision goes.
        length: of what it replaces; 0 if nothing.
        before: text that is put before it.
    """

    key: str
    kind: str
    repo: str
    position: int
    length: int
    before: str


def find_blanks(text: str) -> list[Blank]:
    """The blanks of a configuration, in the order of the text; a text that is used twice is one blank.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    root = _entries(yaml.compose(text, yaml.SafeLoader))
    found = [*_of_models(root), *_of_datasets(root)]
    return sorted({blank.position: blank for blank in found}.values(), key=lambda blank: blank.position)


def fill(text: str, blanks: list[Blank], revisions: Mapping[int, str]) -> str:
    """The text with a revision in each blank."""
    for blank in reversed(blanks):
        after = text[blank.position + blank.length :]
        text = text[: blank.position] + blank.before + revisions[blank.position] + after
    return text


def _of_models(root: Mappings) -> Iterator[Blank]:
    for section in ("models", "guards"):
        for name, node in _entries(root.get(section)).items():
            entry = _entries(node).get("hub")
            repo = _entries(entry).get("repo")
            if repo is not None:
                yield from _blank(f"{section}.{name}.hub.revision", "model", repo.value, entry, repo)


def _of_datasets(root: Mappings) -> Iterator[Blank]:
    for name, node in _entries(root.get("datasets")).items():
        entry = _entries(node)
        settings = entry.get("settings")
        given = _entries(settings)
        if "source" not in entry or "path" in given:
            continue
        fields = settings_model(entry["source"].value).model_fields
        repo = given.get("hub")
        # a source that knows its hub copy need not be told
        known = repo.value if repo is not None else fields["hub"].default if "hub" in fields else None
        anchor = repo if repo is not None else given.get("revision")
        if known and anchor is not None:
            yield from _blank(f"datasets.{name}.settings.revision", "dataset", known, settings, anchor)


def _blank(key: str, kind: str, repo: str, mapping: yaml.MappingNode, beside: yaml.Node) -> Iterator[Blank]:
    """The blank of a mapping, if it has one: its empty `revision`, or the place after the repository's id."""
    revision = _entries(mapping).get("revision")
    if revision is None:
        between = ", " if mapping.flow_style else "\n" + _indentation(beside)
        yield Blank(key, kind, repo, beside.end_mark.index, 0, f"{between}revision: ")
    elif revision.tag == NULL:
        length = revision.end_mark.index - revision.start_mark.index
        yield Blank(key, kind, repo, revision.start_mark.index, length, "" if length else " ")


def _indentation(node: yaml.Node) -> str:
    mark = node.start_mark
    line = mark.buffer[mark.pointer - mark.column : mark.pointer]
    return line[: len(line) - len(line.lstrip(" "))]


def _entries(node: yaml.Node | None) -> Mappings:
    """The values of a mapping by key, those that it merges (`<<`) included."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    merged: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.value == "<<":
            for one in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                merged = {**_entries(one), **merged}
    return merged | {key.value: value for key, value in node.value if key.value != "<<"}


def resolve(blanks: list[Blank], file: Path) -> dict[int, str]:
    """The commit for each blank, by its position.

    Raises:
        SafeLRMError: a repository cannot be reached.
    """
    commits: dict[tuple[str, str], str] = {}
    for blank in blanks:
        if (blank.kind, blank.repo) not in commits:
            with reaching(blank.repo, file=str(file), key=blank.key):
                commit = hub().repo_info(blank.repo, repo_type=blank.kind, revision="main").sha
            commits[blank.kind, blank.repo] = commit
            print(f"{blank.key}: {blank.repo} is at {commit}", flush=True)
    return {blank.position: commits[blank.kind, blank.repo] for blank in blanks}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="configurations to fill in")
    go_online()
    for file in parser.parse_args().files:
        try:
            text = file.read_text(encoding="utf-8")
            blanks = find_blanks(text)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SafeLRMError(f"cannot be read ({error})", file=file, fix="name a configuration") from None
        if not blanks:
            print(f"{file}: no revision is missing", file=sys.stderr)
            continue
        write_text(file, fill(text, blanks, resolve(blanks, file)))


if __name__ == "__main__":
    run(main)
