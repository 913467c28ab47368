"""The registries: modules that the configuration selects by dotted path, and the settings they take."""

import ast
import importlib

from pydantic import BaseModel

from safelrm.dag.codehash import syntax_tree


def settings_model(path: str) -> type[BaseModel]:
    """The settings model of a registered module.

    A module that imports it (`from safelrm.….settings import … as Settings`) is not itself imported: modules that
    train or judge import torch, which takes seconds, and this runs whenever Snakemake starts.

    Raises:
        SafeLRMError: there is no such module.
    """
    for node in syntax_tree(path).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == "Settings":
                    return getattr(importlib.import_module(node.module), alias.name)
    return importlib.import_module(path).Settings


def top_level_names(path: str) -> set[str]:
    """The names that a module defines or imports at its top level, without importing it.

    Raises:
        SafeLRMError: there is no such module.
    """
    names: set[str] = set()
    for node in syntax_tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names


def constant(path: str, name: str) -> object:
    """The literal that a module assigns to a name at its top level; None if it assigns none."""
    for node in syntax_tree(path).body:
        if isinstance(node, ast.Assign) and any(isinstance(at, ast.Name) and at.id == name for at in node.targets):
            return ast.literal_eval(node.value)
    return None
