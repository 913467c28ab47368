"""The house: which folder imports which, as ARCHITECTURE.md draws it, and rules that every module keeps."""

import ast
import re
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from workflow_runs import ROOT

PACKAGE = ROOT / "workflow/safelrm"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
FOLDERS = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
# every folder may import it, so the drawing leaves it out
GROUND = "core"
# lines in a row that must not stand in two places
REPEATED = 6


def room(path: Path) -> str:
    """The folder of the package that a module lies in."""
    return path.relative_to(PACKAGE).parts[0]


def imported_rooms(path: Path) -> set[str]:
    """The folders of the package that a module imports from."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.append(f"{node.module}.{node.names[0].name}" if node.module == PACKAGE.name else node.module)
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return {parts[1] for name in names if (parts := name.split("."))[0] == PACKAGE.name and len(parts) > 1}


@pytest.fixture(scope="module")
def arrows() -> dict[str, set[str]]:
    """The folders that each folder imports, but for itself and `core`."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        if room(path) in FOLDERS:
            found[room(path)] |= imported_rooms(path) - {room(path), GROUND}
    return dict(found)


def drawn_arrows() -> dict[str, set[str]]:
    """The arrows of the drawing in ARCHITECTURE.md: lines of the form `a --> b & c`."""
    drawing = re.search(r"```mermaid\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = re.findall(r"^ *(\w+) --> (.+)$", drawing[1], re.MULTILINE)
    return {source: {name.strip() for name in targets.split("&")} for source, targets in lines}


def test_the_drawing_shows_the_imports_and_no_others(arrows):
    assert drawn_arrows() == {source: targets for source, targets in arrows.items() if targets}


def test_core_imports_no_other_folder():
    assert {name for path in MODULES if room(path) == GROUND for name in imported_rooms(path)} <= {GROUND}


def test_imports_between_folders_form_no_circle(arrows):
    TopologicalSorter(arrows).prepare()


def test_nothing_imports_the_nano_world(arrows):
    assert [source for source, targets in arrows.items() if "nano" in targets] == []


def test_the_map_names_every_folder():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert {name for name in FOLDERS if f"`{name}/`" not in text} == set()


def test_no_two_classes_have_one_name():
    places = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            # each module of a registry has settings of its own
            if isinstance(node, ast.ClassDef) and node.name != "Settings":
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def lines_that_count(path: Path) -> list[tuple[int, str]]:
    """Numbers and texts of a module's lines, without imports, blank lines, comments and lone brackets."""
    text = path.read_text(encoding="utf-8")
    imports = {
        number
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for number in range(node.lineno, node.end_lineno + 1)
    }
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return [
        (number, line)
        for number, line in stripped
        if number not in imports and re.search(r"\w", line) and not line.startswith("#")
    ]


def test_no_six_lines_stand_twice():
    places = defaultdict(list)
    for path in MODULES:
        lines = lines_that_count(path)
        for start in range(len(lines) - REPEATED + 1):
            run = tuple(line for _, line in lines[start : start + REPEATED])
            places[run].append(f"{path.relative_to(PACKAGE)}:{lines[start][0]}")
    assert [found for found in places.values() if len(found) > 1] == []


def test_package_files_are_empty():
    assert [path for path in PACKAGE.rglob("__init__.py") if path.read_text().strip()] == []
