"""A hash of the code that a rule really uses, for Snakemake's `params`.

It covers the stage's module and every project module that this imports, directly or not, and the
locked versions of the packages that any of them imports, with what these need in turn. Comments,
docstrings and formatting do not count. Snakemake's re-run logic does not see imported modules by
itself; as a parameter it sees this hash.
"""

import ast
import hashlib
import sys
from functools import cache
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.dag.locks import pins

PACKAGE = "safelrm"
ROOT = Path(__file__).resolve().parents[2]


def code_hash(*modules: str, lock: Path) -> str:
    """Sixteen hex digits that change when, and only when, what these modules do may change."""
    project, external = closure(*modules)
    digest = hashlib.sha256()
    for name in sorted(project):
        digest.update(f"{name} {_normalised(_path(name))}\n".encode())
    for pin in pins(external, lock):
        digest.update(f"{pin}\n".encode())
    return digest.hexdigest()[:16]


def closure(*modules: str) -> tuple[set[str], set[str]]:
    """All project modules that the given ones import, themselves included, and all third-party packages."""
    project: set[str] = set()
    external: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name in project:
            continue
        project.add(name)
        if "." in name:
            todo.append(name.rpartition(".")[0])
        for imported in _imports(_path(name)):
            root = imported.partition(".")[0]
            if root == PACKAGE:
                todo.append(imported)
            elif root not in sys.stdlib_module_names:
                external.add(root)
    return project, external


def syntax_tree(module: str) -> ast.Module:
    """The syntax tree of a project module.

    Raises:
        SafeLRMError: there is no such module, or it does not parse.
    """
    return _tree(_path(module))


def _path(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise SafeLRMError("there is no such module", file=candidates[0], key=module, fix="check the spelling")


@cache
def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise SafeLRMError(f"line {error.lineno}: {error.msg}", file=path, fix="mend the syntax") from error


@cache
def _normalised(path: Path) -> str:
    """The module's syntax tree as text, without comments, docstrings and positions."""
    tree = _WithoutDocstrings().visit(ast.parse(path.read_text(encoding="utf-8")))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


@cache
def _imports(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names.update(_importable(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise SafeLRMError(f"line {node.lineno}: relative import", file=path, fix="import by the full name")
            names.update(_importable(f"{node.module}.{alias.name}") for alias in node.names)
    return frozenset(names)


def _importable(name: str) -> str:
    """`safelrm.a.b` for a module; its parent where `b` is a name within the module `safelrm.a`."""
    if name.partition(".")[0] != PACKAGE or name == PACKAGE:
        return name
    path = ROOT.joinpath(*name.split("."))
    return name if path.with_suffix(".py").is_file() or path.is_dir() else name.rpartition(".")[0]


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops every bare string: docstrings of modules, classes, functions and attributes."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        bare = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if bare else node
