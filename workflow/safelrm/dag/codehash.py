"""A hash of the code that a rule really uses, for Snakemake's `params`.

Snakemake's re-run logic does not see imported modules. It sees this hash as a parameter. The hash covers

1. the modules of a stage, whole;
2. the definitions that these modules use of other modules, of the project and of the user (`plugins`): functions,
   classes, constants, and whatever those use in turn;
3. the statements with an effect of every project module that is imported on the way: what defines nothing, and what is
   decorated by more than `dataclass`, `cache` and the like;
4. the locked versions of the third-party packages that this code imports, and of the packages that those need.

Comments, formatting, and what only a reader sees (`dag/prose.py`) do not count. So a module can be large: an edit of
one definition changes the hash of the stages that use it, and of no other.

The hash does not see three things. The project has neither of the first two, and its plan names the third:

1. a definition that is found by a computed name; registries name whole modules, or the definitions that they ask for;
2. an assignment or a class that changes another definition when it is made;
3. a package that another package imports because a setting asks for it.
"""

import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from safelrm.dag.locks import pins
from safelrm.dag.modules import Statement, Use, forget_modules, is_module, statements
from safelrm.dag.roots import is_ours

# in place of a name: nothing but the import of a module
IMPORT = ""


def code_hash(*uses: str, lock: Path) -> str:
    """Sixteen hex digits that change when, and only when, what the given code does may change.

    Args:
        uses: modules, or definitions as `module:name`; a module of another package stands for its version.
        lock: the lock file of the environment.

    Raises:
        SafeLRMError: a module does not exist or does not parse, or an imported package is not in the lock.
    """
    places, packages = closure(*uses)
    digest = hashlib.sha256()
    for module in sorted(places):
        digest.update(f"{module}\n".encode())
        for place in sorted(places[module]):
            digest.update(f"{statements(module)[place].text}\n".encode())
    for pin in pins(packages, lock):
        digest.update(f"{pin}\n".encode())
    return digest.hexdigest()[:16]


def closure(*uses: str) -> tuple[dict[str, set[int]], set[str]]:
    """The places of the statements that the given code uses, by module, and the third-party packages they import."""
    found: dict[str, set[int]] = {}
    packages: set[str] = set()
    todo: list[Use] = [(module, name or None) for module, _, name in (use.partition(":") for use in uses)]
    seen: set[Use] = set()
    while todo:
        use = todo.pop()
        if use in seen:
            continue
        seen.add(use)
        module, name = use
        if not is_ours(module):
            packages.add(module.partition(".")[0])
            continue
        if module not in found:
            found[module] = set()
            todo += _imports(module)
        for place in _chosen(module, name) - found[module]:
            found[module].add(place)
            todo += _uses(module, place)
    return {module: places for module, places in found.items() if places}, packages - sys.stdlib_module_names


# the stages share most of what they use: what is found for one of them is kept for the others


@cache
def _imports(module: str) -> tuple[Use, ...]:
    """What the import of a project module imports of the project."""
    package = [(module.rpartition(".")[0], None)] if "." in module else []
    origins = [statement.origin[0] for statement in statements(module) if statement.origin]
    return (*package, *((origin, IMPORT) for origin in origins if is_ours(origin)))


@cache
def _chosen(module: str, name: str | None) -> frozenset[int]:
    """The places of the statements that come with a name of a module; all of them for the whole module."""
    numbered = [*enumerate(statements(module))]
    if name is None:
        by_attribute = _modules_used_by_attribute(module)
        return frozenset(place for place, each in numbered if not each.origin or not each.binds <= by_attribute)
    if name != IMPORT and not any(name in each.binds for _, each in numbered):
        # the name is made in a way that is not seen here
        return frozenset(place for place, each in numbered if not each.only_as_script)
    return frozenset(place for place, each in numbered if each.always or name in each.binds)


@cache
def _uses(module: str, place: int) -> frozenset[Use]:
    """What a statement uses, of its own module and of others."""
    return frozenset(_used(module, statements(module)[place]))


def _used(module: str, statement: Statement) -> Iterator[Use]:
    yield from statement.imports
    if statement.origin:
        yield statement.origin
    defined = _defined(module)
    modules = _imported_modules(module)
    for name, attribute in statement.attributes:
        if name in modules:
            inner = f"{modules[name]}.{attribute}"
            yield (inner, None) if is_module(inner) else (modules[name], attribute)
        elif name in defined:
            yield module, name
    for name in statement.names & defined.keys():
        yield module, name


@cache
def _defined(module: str) -> dict[str, list[Statement]]:
    """The statements that define each name of a module."""
    found: dict[str, list[Statement]] = {}
    for statement in statements(module):
        for name in statement.binds:
            found.setdefault(name, []).append(statement)
    return found


@cache
def _imported_modules(module: str) -> dict[str, str]:
    """The project modules that the names of a module stand for. A name with several definitions is none of these."""
    found: dict[str, str] = {}
    for name, defining in _defined(module).items():
        origin = defining[0].origin
        if len(defining) == 1 and origin and origin[1] is None and is_module(origin[0]):
            found[name] = origin[0]
    return found


@cache
def _modules_used_by_attribute(module: str) -> frozenset[str]:
    """The names of imported modules of which nothing but attributes is used."""
    handed_on = {name for statement in statements(module) for name in statement.names}
    return frozenset(_imported_modules(module).keys() - handed_on)


def forget_code() -> None:
    """Read code anew: the folders that modules lie in have changed."""
    forget_modules()
    for cached in (_imports, _chosen, _uses, _defined, _imported_modules, _modules_used_by_attribute):
        cached.cache_clear()
