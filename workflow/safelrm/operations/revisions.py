"""Fill in the revisions of a configuration: every `null` becomes the commit of the hub's main branch.

    PYTHONPATH=workflow python -m safelrm revisions experiments/one_gpu.yaml

Revisions that are given stay as they are. Nothing else in the file changes: comments and layout stay.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from safelrm.core.cli import command_parser, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_text
from safelrm.models.online import go_online, hub, reaching

NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class Blank:
    """A revision that is not given.

    Attributes:
        key: its key, such as models.qwen3_8b.hub.revision.
        kind: model or dataset, as the hub's library names them.
        repo: id on the hub.
        position: index in the text at which the revision goes.
        length: length of the text that the revision replaces.
        before: text to put before the revision.
    """

    key: str
    kind: str
    repo: str
    position: int
    length: int
    before: str


def find_blanks(text: str) -> list[Blank]:
    """The blanks of a configuration, in order of the text. A part of the text that two keys share has one blank.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    found = _blanks(_values(yaml.compose(text, yaml.SafeLoader)))
    return sorted({blank.position: blank for blank in found}.values(), key=lambda blank: blank.position)


def fill(text: str, blanks: list[Blank], revisions: Mapping[int, str]) -> str:
    """The text with a revision in each blank. Revisions are given by the position of their blank."""
    for blank in reversed(blanks):
        after = text[blank.position + blank.length :]
        text = text[: blank.position] + blank.before + revisions[blank.position] + after
    return text


def _blanks(root: Mapping[str, yaml.Node]) -> Iterator[Blank]:
    for key, entry in _hub_models(root):
        node = _values(entry).get("hub")
        repo = _values(node).get("repo")
        if repo is not None:
            yield from _blank(f"{key}.hub.revision", "model", repo.value, node, repo)
    for name, entry in _values(root.get("datasets")).items():
        node = _values(entry).get("settings")
        settings = _values(node)
        repo = settings.get("hub")
        if repo is not None and repo.tag != NULL and "path" not in settings:
            yield from _blank(f"datasets.{name}.settings.revision", "dataset", repo.value, node, repo)


def _hub_models(root: Mapping[str, yaml.Node]) -> Iterator[tuple[str, yaml.Node]]:
    """Everything that may be a model of a hub, with its key."""
    for section in ("models", "guards"):
        yield from ((f"{section}.{name}", entry) for name, entry in _values(root.get(section)).items())
    for name, entry in _values(root.get("classifiers")).items():
        encoder = _values(entry).get("encoder")
        if encoder is not None:
            yield f"classifiers.{name}.encoder", encoder


def _blank(key: str, kind: str, repo: str, mapping: yaml.MappingNode, anchor: yaml.Node) -> Iterator[Blank]:
    """The blank of a mapping, if it has one: its empty `revision`, or else the place after the anchor."""
    revision = _values(mapping).get("revision")
    if revision is None:
        mark = anchor.start_mark
        line = mark.buffer[mark.pointer - mark.column : mark.pointer]
        between = ", " if mapping.flow_style else "\n" + " " * (len(line) - len(line.lstrip(" ")))
        yield Blank(key, kind, repo, anchor.end_mark.index, 0, f"{between}revision: ")
    elif revision.tag == NULL:
        length = revision.end_mark.index - revision.start_mark.index
        yield Blank(key, kind, repo, revision.start_mark.index, length, "" if length else " ")


def _values(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """The values of a mapping by key, with those that it merges (`<<`); empty for any other node."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    yaml.SafeLoader("").flatten_mapping(node)
    return {key.value: value for key, value in node.value}


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
    parser = command_parser(__doc__)
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
