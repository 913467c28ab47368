"""The modules of the project and of the user: what each of their statements defines and uses."""

import ast
import hashlib
import json
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.dag import prose
from safelrm.dag.prose import is_purely_decorated, without_prose
from safelrm.dag.roots import PACKAGE, is_ours, may_lack_init, module_path, plugin_folders

# a module and one of its names; None stands for the whole module
Use = tuple[str, str | None]

# builtins that reach any name of a module
REACHES_ALL = frozenset({"eval", "exec", "globals"})


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a module. An import of several names is one statement for each name.

    Attributes:
        text: the statement, without what changes no result.
        binds: the names that it defines.
        names: the names that it uses by themselves.
        attributes: the attributes of names that it uses, such as `("teacher", "comply")` for `teacher.comply`.
        imports: what it imports within functions, and the modules that it names in a text.
        origin: for an import, what its name stands for.
        always: whether it may have an effect beyond the names that it defines.
        only_as_script: whether it runs only if its module is the one that was started.
    """

    text: str
    binds: frozenset[str]
    names: frozenset[str] = frozenset()
    attributes: frozenset[tuple[str, str]] = frozenset()
    imports: frozenset[Use] = frozenset()
    origin: Use | None = None
    always: bool = False
    only_as_script: bool = False

    @classmethod
    def of(cls, values: dict[str, object]) -> "Statement":
        """The statement of such values, read from JSON."""
        sets = {name: frozenset(values[name]) for name in ("binds", "names")}
        pairs = {name: frozenset(map(tuple, values[name])) for name in ("attributes", "imports")}
        origin = values["origin"] and tuple(values["origin"])
        return cls(**values | sets | pairs | {"origin": origin})


@cache
def statements(module: str) -> list[Statement]:
    """The statements of a module, without docstrings and without what is there for type checkers.

    They are kept beside the compiled module: finding those of the whole package is half the work of a start of
    Snakemake. With plug-ins they are found anew, since what a name stands for depends on these.

    Raises:
        SafeLRMError: there is no such module, it does not parse, or it has an import that cannot be followed.
    """
    path = _file(module)
    if path.is_dir() or plugin_folders():
        return _statements(_parsed(module), module)
    key = hashlib.sha256(f"{_read_by()}\n{path.read_text(encoding='utf-8')}".encode()).hexdigest()
    keeper = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.statements"
    found = _kept(keeper, key)
    if found is None:
        found = _statements(_parsed(module), module)
        if not sys.dont_write_bytecode:
            _keep(keeper, zlib.compress(json.dumps([key, *map(vars, found)], default=list).encode()))
    return found


@cache
def _read_by() -> str:
    """A hash of what the statements of a module depend on besides its text: this code, and which modules there are."""
    own = [Path(module.__file__).read_text(encoding="utf-8") for module in (sys.modules[__name__], prose)]
    package = module_path(PACKAGE)
    there = sorted(str(path.relative_to(package)) for path in package.rglob("*") if "__pycache__" not in path.parts)
    return hashlib.sha256("\n".join([*own, *there]).encode()).hexdigest()


def _keep(keeper: Path, content: bytes) -> None:
    """Write as Python does: where that is allowed, and with no folder beside, which others would walk into."""
    made = keeper.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        keeper.parent.mkdir(exist_ok=True)
        made.write_bytes(content)
        made.replace(keeper)


def _kept(keeper: Path, key: str) -> list[Statement] | None:
    """The statements that were kept, if it was under this key."""
    try:
        kept, *found = json.loads(zlib.decompress(keeper.read_bytes()))
    except (OSError, ValueError, zlib.error):
        return None
    return [Statement.of(values) for values in found] if kept == key else None


def _statements(tree: ast.Module, module: str) -> list[Statement]:
    mentioned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found: list[Statement] = []
    for node in tree.body:
        kept = without_prose(node)
        if isinstance(kept, ast.Import | ast.ImportFrom):
            found += _import_statements(kept, module, mentioned)
        elif kept is not None and not _is_guarded_by(kept, "TYPE_CHECKING"):
            found.append(_statement(kept, module))
    return found


@cache
def syntax_tree(module: str) -> ast.Module:
    """The syntax tree of a module.

    Raises:
        SafeLRMError: there is no such module, or it does not parse.
    """
    return _parsed(module)


@cache
def is_module(name: str) -> bool:
    """Whether a dotted name is a module or a package, of the project or of the user."""
    path = module_path(name)
    return is_ours(name) and (path.with_suffix(".py").is_file() or path.is_dir())


def forget_modules() -> None:
    """Read modules anew: the folders that they lie in have changed."""
    for cached in (statements, syntax_tree, is_module, _read_by):
        cached.cache_clear()


def _parsed(module: str) -> ast.Module:
    path = _file(module)
    if path.is_dir():
        # a package without code of its own
        return ast.Module([], [])
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise SafeLRMError(f"line {error.lineno}: {error.msg}", file=path, fix="correct the syntax") from error


def _file(module: str) -> Path:
    """The file of a module; the folder of a package that has none."""
    path = module_path(module)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    if path.is_dir() and may_lack_init(module):
        return path
    fix = "check the spelling, or name the folder of your own modules in `plugins`"
    raise SafeLRMError("there is no such module", file=path.with_suffix(".py"), key=module, fix=fix)


def _import_statements(node: ast.Import | ast.ImportFrom, module: str, mentioned: set[str]) -> Iterator[Statement]:
    for name, use in _imported(node, module):
        # a package whose name is not used is imported for what its import does
        for_effect = name not in mentioned and not is_ours(use[0])
        yield Statement(f"{name} stands for {use}", frozenset({name}), origin=use, always=for_effect)


def _statement(node: ast.stmt, module: str) -> Statement:
    nodes = [*ast.walk(node), *_quoted(node)]
    attributes = [part for part in nodes if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)]
    bases = {id(part.value) for part in attributes}
    names = frozenset(part.id for part in nodes if isinstance(part, ast.Name) and id(part) not in bases)
    imports = [part for part in nodes if isinstance(part, ast.Import | ast.ImportFrom)]
    texts = {part.value for part in nodes if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    uses = [use for part in imports for _, use in _imported(part, module)]
    uses += [(text, None) for text in texts if is_module(text)]
    uses += [(module, None)] if names & REACHES_ALL else []
    binds = _bound(node)
    only_as_script = _is_guarded_by(node, "__name__ == '__main__'")
    return Statement(
        text=ast.dump(node),
        binds=binds,
        names=names,
        attributes=frozenset((part.value.id, part.attr) for part in attributes),
        imports=frozenset(uses),
        always=not only_as_script and not (binds and is_purely_decorated(node)),
        only_as_script=only_as_script,
    )


def _bound(node: ast.stmt) -> frozenset[str]:
    """The names that a definition or an assignment defines; none where it may do something else, too."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return frozenset({node.name})
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return frozenset()
    parts = [part for at in getattr(node, "targets", None) or [node.target] for part in ast.walk(at)]
    if any(isinstance(part, ast.Attribute | ast.Subscript) for part in parts):
        return frozenset()
    return frozenset(part.id for part in parts if isinstance(part, ast.Name))


def _is_guarded_by(node: ast.stmt, condition: str) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == condition and not node.orelse


def _quoted(node: ast.stmt) -> Iterator[ast.AST]:
    """The syntax of the quoted annotations of fields, which pydantic evaluates."""
    fields = [part.annotation for part in ast.walk(node) if isinstance(part, ast.AnnAssign)]
    for part in (part for field in fields for part in ast.walk(field)):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                yield from ast.walk(ast.parse(part.value, mode="eval"))
            except SyntaxError:
                continue


def _imported(node: ast.Import | ast.ImportFrom, module: str) -> Iterator[tuple[str, Use]]:
    """The names that an import defines, and what each of them stands for."""
    if fault := _fault(node):
        raise SafeLRMError(f"line {node.lineno}: {fault}", file=_file(module), fix="write `from module import name`")
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias.asname or alias.name.partition(".")[0], (alias.name, None)
        else:
            full = f"{node.module}.{alias.name}"
            yield alias.asname or alias.name, (full, None) if is_module(full) else (node.module, alias.name)


def _fault(node: ast.Import | ast.ImportFrom) -> str | None:
    """Why an import cannot be followed, if so."""
    if isinstance(node, ast.Import):
        whole = [each.name for each in node.names if not each.asname and "." in each.name and is_ours(each.name)]
        return f"import of {whole[0]} by its first name" if whole else None
    if node.level:
        return "relative import"
    return "import of *" if node.names[0].name == "*" else None
