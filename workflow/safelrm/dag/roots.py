"""Where modules lie: the project's in this package, the user's in the folders of `plugins`.

The user's modules count as modules of the project: registries check them, and the code hash follows them.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from safelrm.core.errors import SafeLRMError

PACKAGE = "safelrm"
ROOT = Path(__file__).resolve().parents[2]

# the folders of the user's modules, by the names that an import of them begins with
_plugins: dict[str, Path] = {}


def use_plugins(folders: Sequence[str], file: str) -> None:
    """Count the modules in some folders as modules of the project, and put the folders on the path of imports.

    Args:
        folders: the folders.
        file: the configuration, for messages.

    Raises:
        SafeLRMError: a folder does not exist or holds no module, or a module would hide another one.
    """
    places = [Path(name).resolve() for name in folders]
    found: dict[str, Path] = {}
    for folder in places:
        names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/*.py")}
        if not names:
            fix = "correct the path: it is relative to the folder in which Snakemake runs"
            raise SafeLRMError(f"{folder} is no folder of modules", file=file, key="plugins", fix=fix)
        for name in sorted(names - {"__init__"}):
            other = _elsewhere(name, places) or found.get(name)
            if other:
                said = f"{folder} has a module `{name}`, and so has {other}"
                raise SafeLRMError(said, file=file, key="plugins", fix="rename yours")
            found[name] = folder
    _plugins.clear()
    _plugins.update(found)
    sys.path += [folder for folder in plugin_folders() if folder not in sys.path]


def _elsewhere(name: str, places: Sequence[Path]) -> str | None:
    """Where Python, an installed package or the project has a module of a name. The user's would hide it from jobs."""
    if name in sys.stdlib_module_names:
        return "Python"
    spec = PathFinder.find_spec(name, [path for path in sys.path if path and Path(path).resolve() not in places])
    return spec and spec.origin


def plugin_folders() -> list[str]:
    """The folders of the user's modules."""
    return [str(folder) for folder in dict.fromkeys(_plugins.values())]


def is_ours(name: str) -> bool:
    """Whether a dotted name begins with the project's package or with one of the user's modules."""
    root = name.partition(".")[0]
    return root == PACKAGE or root in _plugins


def module_path(module: str) -> Path:
    """Where a module lies, without its ending: `….py`, or a folder."""
    return _plugins.get(module.partition(".")[0], ROOT).joinpath(*module.split("."))


def may_lack_init(module: str) -> bool:
    """Whether a package may be a folder without `__init__.py`: the user's may, the project's may not."""
    return module.partition(".")[0] in _plugins
