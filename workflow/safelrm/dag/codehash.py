"""A hash of the code that a rule really uses, for Snakemake's `params`.

Snakemake's re-run logic does not see imported modules. As a parameter it sees this hash. The hash covers

1. the modules of a stage, whole;
2. of every project module that these import, directly or not, the definitions that are used: a function, a class or a
   constant, and whatever these use in turn. Statements that define nothing always count, since they may do anything;
3. the locked versions of the third-party packages that this code imports, and of what those packages need.

Comments, docstrings, formatting and annotations in quotes do not count. So modules can be large: an edit of one
definition changes the hash of those stages alone that use it.

Two things are not seen: a definition that is found by a computed name, and a definition that changes others when it is
made. The project has neither; the registries name whole modules.
"""

import ast
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.dag.locks import pins

PACKAGE = "safelrm"
ROOT = Path(__file__).resolve().parents[2]

# a module and one of its names; no name stands for the whole module
Use = tuple[str, str | None]


def code_hash(*modules: str, lock: Path) -> str:
    """Sixteen hex digits that change when, and only when, what these modules do may change."""
    statements, packages = closure(*modules)
    digest = hashlib.sha256()
    for name in sorted(statements):
        digest.update(f"{name}\n".encode())
        for place in sorted(statements[name]):
            digest.update(f"{_statements(_path(name))[place].text}\n".encode())
    for pin in pins(packages, lock):
        digest.update(f"{pin}\n".encode())
    return digest.hexdigest()[:16]


def closure(*modules: str) -> tuple[dict[str, set[int]], set[str]]:
    """The statements that the given modules use, by module and place, and the third-party packages they import."""
    found: dict[str, set[int]] = {}
    packages: set[str] = set()
    todo: list[Use] = [(module, None) for module in modules]
    seen: set[Use] = set()
    while todo:
        use = todo.pop()
        if use in seen:
            continue
        seen.add(use)
        module, name = use
        root = module.partition(".")[0]
        if root != PACKAGE:
            packages |= {root} - sys.stdlib_module_names
            continue
        if "." in module:
            todo.append((module.rpartition(".")[0], None))
        chosen = found.setdefault(module, set())
        for place in _chosen(module, name) - chosen:
            chosen.add(place)
            todo += _uses(module, _statements(_path(module))[place])
    return found, packages


def syntax_tree(module: str) -> ast.Module:
    """The syntax tree of a project module.

    Raises:
        SafeLRMError: there is no such module, or it does not parse.
    """
    return _tree(_path(module))


@dataclass(frozen=True)
class _Statement:
    """A statement at the top level of a module; of an import, one of its names.

    Attributes:
        text: the statement, normalised.
        binds: the names that it defines.
        origin: for an import, what the name stands for.
        names: the names that it uses as a whole.
        attributes: the attributes of names that it uses, such as `("teacher", "comply")` for `teacher.comply`.
        inner: what it imports within functions.
        only_as_script: whether it is run only if the module is the one that was started.
    """

    text: str
    binds: frozenset[str]
    origin: Use | None = None
    names: frozenset[str] = frozenset()
    attributes: frozenset[tuple[str, str]] = frozenset()
    inner: frozenset[Use] = frozenset()
    only_as_script: bool = False


def _chosen(module: str, name: str | None) -> set[int]:
    """The places of the statements that come with a name of a module; all of them for the whole module."""
    statements = _statements(_path(module))
    if name is None:
        return set(range(len(statements)))
    if not any(name in statement.binds for statement in statements):
        # the name is made in a way that is not seen here
        return {place for place, statement in enumerate(statements) if not statement.only_as_script}
    return {
        place
        for place, statement in enumerate(statements)
        if name in statement.binds or not (statement.binds or statement.only_as_script)
    }


def _uses(module: str, statement: _Statement) -> Iterator[Use]:
    """What a statement uses, of its own module and of others."""
    yield from statement.inner
    modules, by_attribute = _imported_modules(_path(module))
    if statement.origin and not statement.binds <= by_attribute:
        yield statement.origin
    for name, attribute in statement.attributes:
        yield (modules[name], attribute) if name in modules else (module, name)
    for name in statement.names:
        yield module, name


@cache
def _imported_modules(path: Path) -> tuple[dict[str, str], frozenset[str]]:
    """The project modules that a module imports whole, by their names there, and the names used by attribute alone."""
    statements = _statements(path)
    origins = {name: statement.origin for statement in statements if statement.origin for name in statement.binds}
    modules = {name: use[0] for name, use in origins.items() if use[1] is None and use[0].startswith(f"{PACKAGE}.")}
    by_attribute = {name for statement in statements for name, _ in statement.attributes}
    whole = {name for statement in statements for name in statement.names}
    return modules, frozenset(modules.keys() & by_attribute - whole)


def _path(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise SafeLRMError("there is no such module", file=candidates[0], key=module, fix="check the spelling")


@cache
def _tree(path: Path) -> ast.Module:
    return _parsed(path)


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise SafeLRMError(f"line {error.lineno}: {error.msg}", file=path, fix="mend the syntax") from error


@cache
def _statements(path: Path) -> list[_Statement]:
    """The statements of a module, without docstrings and without what is there for type checkers."""
    found: list[_Statement] = []
    for node in _parsed(path).body:
        kept = _WithoutDocstrings().visit(node)
        if isinstance(kept, ast.Import | ast.ImportFrom):
            found += [_Statement(ast.dump(kept), frozenset({name}), use) for name, use in _imported(kept, path)]
        elif kept is not None and _condition(kept) != "TYPE_CHECKING":
            found.append(_statement(kept, path))
    defined = frozenset(name for statement in found for name in statement.binds)
    return [_within(statement, defined) for statement in found]


def _statement(node: ast.stmt, path: Path) -> _Statement:
    nodes = list(ast.walk(node))
    attributes = [part for part in nodes if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)]
    bases = {id(part.value) for part in attributes}
    imports = [part for part in nodes if isinstance(part, ast.Import | ast.ImportFrom)]
    return _Statement(
        text=ast.dump(node),
        binds=frozenset(_bound(node)),
        names=frozenset(part.id for part in nodes if isinstance(part, ast.Name) and id(part) not in bases),
        attributes=frozenset((part.value.id, part.attr) for part in attributes),
        inner=frozenset(use for part in imports for _, use in _imported(part, path)),
        only_as_script="__name__" in _condition(node),
    )


def _within(statement: _Statement, defined: frozenset[str]) -> _Statement:
    """The statement, of whose names only those remain that its module defines."""
    attributes = frozenset(pair for pair in statement.attributes if pair[0] in defined)
    return replace(statement, names=statement.names & defined, attributes=attributes)


def _bound(node: ast.stmt) -> set[str]:
    """The names that a definition or an assignment defines; none where it may do something else, too."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return set()
    parts = [part for at in getattr(node, "targets", None) or [node.target] for part in ast.walk(at)]
    if any(isinstance(part, ast.Attribute | ast.Subscript) for part in parts):
        return set()
    return {part.id for part in parts if isinstance(part, ast.Name)}


def _condition(node: ast.stmt) -> str:
    return ast.unparse(node.test) if isinstance(node, ast.If) else ""


def _imported(node: ast.Import | ast.ImportFrom, path: Path) -> Iterator[tuple[str, Use]]:
    """The names that an import defines, and what each of them stands for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], (alias.name, None)
    elif node.level:
        raise SafeLRMError(f"line {node.lineno}: relative import", file=path, fix="import by the full name")
    else:
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield alias.asname or alias.name, (full, None) if _is_module(full) else (node.module, alias.name)


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return name.startswith(f"{PACKAGE}.") and (path.with_suffix(".py").is_file() or path.is_dir())


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops every bare string: docstrings of modules, classes, functions and attributes."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        bare = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if bare else node
