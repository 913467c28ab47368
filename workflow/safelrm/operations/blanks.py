"""What a configuration leaves open about the hub, and where in its text the answers go.

Blanks are revisions that are not given, and facts that presets of data sets do not know.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import yaml

from safelrm.core.presets import PRESET
from safelrm.data.presets import REVISION, data_presets, unknown_settings, with_data_preset

NULL = "tag:yaml.org,2002:null"
PATH, SETTINGS = "path", "settings"


@dataclass(frozen=True)
class Blank:
    """A revision that is not given, with facts that are not known.

    Attributes:
        key: its key, such as models.qwen3_8b.hub.revision.
        kind: model or dataset, as the hub's library names them.
        repo: id on the hub.
        position: index in the text at which the answer goes.
        length: length of the text that the answer replaces.
        before: text to put before the answer.
        after: text to put after it.
        between: text to put between the revision and each fact.
        settings: settings of a data set that has a preset, with null for a fact that is not known.
        preset: this preset.
    """

    key: str
    kind: str
    repo: str
    position: int
    length: int
    before: str
    after: str = ""
    between: str = ", "
    settings: Mapping[str, object] | None = None
    preset: str | None = None

    @property
    def revision(self) -> object:
        """The revision, if it is given and facts alone are missing."""
        return (self.settings or {}).get(REVISION)


def find_blanks(text: str) -> list[Blank]:
    """The blanks of a configuration, in order of the text. A part of the text that two keys share has one blank.

    Raises:
        yaml.YAMLError: the text is not YAML.
        ValueError: a data set names a preset that is not there.
    """
    root = _values(yaml.compose(text, yaml.SafeLoader))
    given = yaml.safe_load(text)
    datasets = given.get("datasets") if isinstance(given, dict) else None
    found = chain(_blanks(root), _preset_blanks(_values(root.get("datasets")), datasets or {}))
    return sorted({blank.position: blank for blank in found}.values(), key=lambda blank: blank.position)


def fill(text: str, blanks: list[Blank], answers: Mapping[int, str]) -> str:
    """The text with an answer in each blank. Answers are given by the position of their blank."""
    for blank in reversed(blanks):
        rest = text[blank.position + blank.length :]
        text = text[: blank.position] + blank.before + answers[blank.position] + blank.after + rest
    return text


def _blanks(root: Mapping[str, yaml.Node]) -> Iterator[Blank]:
    for key, entry in _hub_models(root):
        node = _values(entry).get("hub")
        repo = _values(node).get("repo")
        if repo is not None:
            yield from _blank(f"{key}.hub.revision", "model", repo.value, node, repo)
    for name, entry in _values(root.get("datasets")).items():
        node = _values(entry).get(SETTINGS)
        settings = _values(node)
        repo = settings.get("hub")
        if repo is not None and repo.tag != NULL and PATH not in settings and PRESET not in _values(entry):
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
    revision = _values(mapping).get(REVISION)
    if revision is None:
        between = ", " if mapping.flow_style else f"\n{_indent(anchor)}"
        yield Blank(key, kind, repo, anchor.end_mark.index, 0, f"{between}revision: ")
    elif revision.tag == NULL:
        length = revision.end_mark.index - revision.start_mark.index
        yield Blank(key, kind, repo, revision.start_mark.index, length, "" if length else " ")


def _preset_blanks(nodes: Mapping[str, yaml.Node], datasets: Mapping[str, object]) -> Iterator[Blank]:
    """The blanks of data sets with a preset, if they are taken from the hub."""
    for name, node in nodes.items():
        entry = _values(node)
        if entry.get(PRESET) is None or entry[PRESET].tag == NULL:
            continue
        settings = with_data_preset(datasets[name])[SETTINGS]
        findable = data_presets()[entry[PRESET].value].find
        missing = [key for key in unknown_settings(settings) if key in findable]
        if settings.get("hub") is None or (settings.get(REVISION) is not None and not missing):
            continue
        yield Blank(
            f"datasets.{name}.settings.{REVISION if settings.get(REVISION) is None else missing[0]}",
            "dataset",
            str(settings["hub"]),
            **_place(node, settings.get(REVISION) is None),
            settings=settings,
            preset=entry[PRESET].value,
        )


def _place(entry: yaml.MappingNode, revision_is_missing: bool) -> dict[str, object]:
    """Where in the text settings of a data set go, and what must stand around them."""
    words = f"{REVISION}: " if revision_is_missing else ""
    settings = _values(entry).get(SETTINGS)
    if not isinstance(settings, yaml.MappingNode):
        anchor = _values(entry)[PRESET]
        before = ", " if entry.flow_style else f"\n{_indent(anchor)}"
        place = {"position": anchor.end_mark.index, "length": 0}
        return {**place, "before": f"{before}{SETTINGS}: {{{words}", "after": "}", "between": ", "}
    given = _values(settings).get(REVISION)
    own = [key.start_mark for key, _ in settings.value if key.start_mark.index >= settings.start_mark.index]
    if settings.flow_style:
        between, start = ", ", settings.start_mark.buffer.index("{", settings.start_mark.pointer)
        place = settings.start_mark.index + start - settings.start_mark.pointer + 1
    else:
        first = min(own, key=lambda mark: mark.index, default=settings.start_mark)
        between, place = f"\n{' ' * first.column}", first.index
    if given is not None and given.tag == NULL:
        length = given.end_mark.index - given.start_mark.index
        place, before = given.start_mark.index, "" if length else " "
        return {"position": place, "length": length, "before": before, "between": between}
    after = between if settings.value else ""
    return {"position": place, "length": 0, "before": words, "after": after, "between": between}


def _indent(anchor: yaml.Node) -> str:
    """The white space before the line of a node."""
    mark = anchor.start_mark
    line = mark.buffer[mark.pointer - mark.column : mark.pointer]
    return " " * (len(line) - len(line.lstrip(" ")))


def _values(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """The values of a mapping by key, with those that it merges (`<<`); empty for any other node."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    yaml.SafeLoader("").flatten_mapping(node)
    return {key.value: value for key, value in node.value}
