"""What a registered module declares in literals and in `shown`, read without an import of the module.

Modules that draw import matplotlib, and modules that measure may import torch. Both take long, and Snakemake reads the
declarations whenever it starts.
"""

import __future__

import ast
from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from safelrm.analysis.settings import TraceMeasure
from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Name
from safelrm.dag.modules import is_module, syntax_tree
from safelrm.reporting.outline import StudyOutline

# of a reward: the judges that measure by the same means
SAME_MEANS = "SAME_MEANS_AS"
# of a reward: the keys of its settings that name a module which it asks
SCORERS = "SCORERS"
# of a source: whether rules have written its data
BUILT_IN = "BUILT_IN"


def declared(path: str, name: str) -> object:
    """The literal that a module assigns to a name.

    Raises:
        SafeLRMError: the module assigns no literal to it.
    """
    for node in syntax_tree(path).body:
        if name in assigned_names(node):
            try:
                return ast.literal_eval(node.value)
            except (ValueError, TypeError):
                break
    raise SafeLRMError(
        f"{name} is no literal", file=path, key=name, fix=f"write its value out: {name} = …, without other names"
    )


def declared_inputs(path: str, known: Sequence[str]) -> tuple[str, ...]:
    """The names in a module's INPUTS.

    Raises:
        SafeLRMError: INPUTS is no list of names, or holds a name that is not known.
    """
    names = declared(path, "INPUTS")
    if not isinstance(names, list | tuple | set) or not names or not all(isinstance(name, str) for name in names):
        raise SafeLRMError(
            f"INPUTS is {names!r}", file=path, key="INPUTS", fix=f'name at least one input: INPUTS = ("{known[0]}",)'
        )
    for name in names:
        if name not in known:
            raise SafeLRMError(
                f"there is no input `{name}` in this study", file=path, key="INPUTS", fix=f"one of {list(known)}"
            )
    return tuple(dict.fromkeys(names))


def declared_caption(path: str, values: Mapping[str, object]) -> str:
    """The caption of a figure or table, with the values that it names in braces.

    Raises:
        SafeLRMError: it is no text, or names another value.
    """
    caption = declared(path, "CAPTION")
    if not isinstance(caption, str):
        raise SafeLRMError(f"CAPTION is {caption!r}", file=path, key="CAPTION", fix="make it a text")
    try:
        return caption.format_map(values).strip()
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        raise SafeLRMError(
            f"CAPTION does not fit ({error!r})",
            file=path,
            key="CAPTION",
            fix=f"name one of {sorted(values)} in braces, and write {{{{ and }}}} for a brace of the text",
        ) from None


def declared_measures(path: str) -> dict[str, TraceMeasure]:
    """The measures of a trace analysis.

    Raises:
        SafeLRMError: a measure is declared in another form.
    """
    measures = declared(path, "MEASURES")
    fix = 'write MEASURES = {"name": {"description": "…", "unit": "…"}}, with "direction" and "optional" if need be'
    if not isinstance(measures, dict) or not measures:
        raise SafeLRMError(f"MEASURES is {measures!r}", file=path, key="MEASURES", fix=fix)
    try:
        return TypeAdapter(dict[Name, TraceMeasure]).validate_python(measures)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SafeLRMError(f"{where}: {first['msg']}", file=path, key="MEASURES", fix=fix) from None


def declared_same_means(path: str) -> tuple[str, ...]:
    """The judges that measure by the same means as a reward: SAME_MEANS_AS of its module; none without it.

    Raises:
        SafeLRMError: it is no tuple of modules.
    """
    if not any(SAME_MEANS in assigned_names(node) for node in syntax_tree(path).body):
        return ()
    names = declared(path, SAME_MEANS)
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and is_module(name) for name in names):
        fix = f'name the judges\' modules, as `judges` does: {SAME_MEANS} = ("safelrm.judging.refusal",)'
        raise SafeLRMError(f"{SAME_MEANS} is {names!r}", file=path, key=SAME_MEANS, fix=fix)
    return tuple(names)


def declared_scorers(path: str, settings: Mapping[str, object]) -> dict[str, str]:
    """The modules that a reward asks, by the key of its settings that names them: the keys in SCORERS of its module.

    Args:
        path: the reward's module.
        settings: its settings, complete. A key that is null names no module.

    Raises:
        SafeLRMError: SCORERS is no tuple of keys of the settings.
    """
    if not any(SCORERS in assigned_names(node) for node in syntax_tree(path).body):
        return {}
    keys = declared(path, SCORERS)
    if not isinstance(keys, list | tuple) or any(key not in [*settings] for key in keys):
        fix = f'name the keys of its settings that are modules: {SCORERS} = ("helpfulness",)'
        raise SafeLRMError(f"{SCORERS} is {keys!r}", file=path, key=SCORERS, fix=fix)
    return {key: str(settings[key]) for key in keys if settings[key]}


def declares_built_in(path: str) -> bool:
    """Whether a source says that rules have written its data.

    Raises:
        SafeLRMError: its BUILT_IN is no literal.
    """
    return any(BUILT_IN in assigned_names(node) for node in syntax_tree(path).body) and bool(declared(path, BUILT_IN))


def has_something_to_show(path: str, study: StudyOutline) -> bool:
    """What a module's `shown` says of a study; true if it has none.

    `shown` runs by itself, with the literals of its module.

    Raises:
        SafeLRMError: it fails, or returns neither true nor false.
    """
    literals: dict[str, object] = {}
    found = None
    for node in syntax_tree(path).body:
        if isinstance(node, ast.FunctionDef) and node.name == "shown":
            found = node
        for name in assigned_names(node):
            try:
                literals[name] = ast.literal_eval(node.value)
            except (ValueError, TypeError):
                continue
    if found is None:
        return True
    alone = ast.Module([found], type_ignores=[])
    remedy = "use nothing but the argument (reporting/outline.py), builtins and literals of the module"
    try:
        # annotations name classes that are not imported here
        exec(compile(alone, path, "exec", flags=__future__.annotations.compiler_flag), literals)
        said = literals["shown"](study)
    except Exception as error:
        raise SafeLRMError(f"`shown` fails ({error!r})", file=path, key="shown", fix=remedy) from error
    if not isinstance(said, bool):
        raise SafeLRMError(f"`shown` returned {said!r}", file=path, key="shown", fix="return True or False")
    return said


def assigned_names(node: ast.stmt) -> set[str]:
    """The names that a statement assigns."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return set()
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}
