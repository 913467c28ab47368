"""What only a reader of a module or of a log sees, and so changes no result.

Docstrings, annotations of functions, descriptions of settings and options, messages of errors, and printed lines. What
is computed only for the message of an error is part of that message. So it must do nothing else.
"""

import ast

# decorators that change nothing but the definition below them, and do not read its annotations
PURE_DECORATORS = frozenset({"cache", "contextmanager", "dataclass", "lru_cache", "property"})
# arguments that only a reader sees, by what is called
DESCRIPTIONS = {"Field": "description", "add_argument": "help"}
# the error of this package, of which all arguments are texts, and functions that make it from their arguments
OWN_ERROR = "SafeLRMError"
MAKERS = frozenset({"divergence_error", "fail", "fault"})
# errors of Python whose single argument is a text; nothing in this package looks into it
PYTHON_ERRORS = frozenset({"FileNotFoundError", "TypeError", "ValueError"})
# where a job prints what its log shows
STREAMS = frozenset({"sys.stderr", "sys.stdout"})


def without_prose(node: ast.stmt) -> ast.stmt | None:
    """A statement without what only a reader sees, changed in place; None if nothing else is in it."""
    return _WithoutProse().visit(node)


def is_purely_decorated(node: ast.stmt) -> bool:
    """Whether the decorators of a statement, if any, change nothing but its own definition."""
    calls = [each.func if isinstance(each, ast.Call) else each for each in getattr(node, "decorator_list", [])]
    return all(ast.unparse(call).rpartition(".")[2] in PURE_DECORATORS for call in calls)


class _WithoutProse(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        if _is_printed(node.value):
            computed = [part for text in node.value.args for part in _computed(text)]
            if all(isinstance(part, ast.Name) for part in computed):
                return None
            node.value.args, node.value.keywords = computed, []
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        prose = DESCRIPTIONS.get(_called(node))
        node.keywords = [given for given in node.keywords if given.arg is None or given.arg != prose]
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            called = _called(node.exc)
            if called in MAKERS | {OWN_ERROR} or (called in PYTHON_ERRORS and len(node.exc.args) == 1):
                _drop_message(node.exc)
        return self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        # in a function that makes errors for others to raise
        if isinstance(node.value, ast.Call) and _called(node.value) == OWN_ERROR:
            _drop_message(node.value)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        if is_purely_decorated(node):
            node.returns = None
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.visit_FunctionDef(node)


def _called(node: ast.Call) -> str | None:
    """The name of what is called, without what it is an attribute of."""
    return getattr(node.func, "id", None) or getattr(node.func, "attr", None)


def _drop_message(error: ast.Call) -> None:
    error.args = [given for given in error.args if not _is_message(given)]
    error.keywords = [given for given in error.keywords if given.arg is None or not _is_message(given.value)]


def _is_message(given: ast.expr) -> bool:
    """Whether an argument of an error makes one text and does nothing that code elsewhere can see."""
    other = (ast.Starred, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    return not any(isinstance(part, other) for part in ast.walk(given))


def _is_printed(node: ast.expr) -> bool:
    """Whether an expression prints into the log."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"):
        return False
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    plain = all(isinstance(given[name], ast.Constant) for name in given.keys() - {"file"})
    return plain and None not in given and ("file" not in given or ast.unparse(given["file"]) in STREAMS)


def _computed(text: ast.expr) -> list[ast.expr]:
    """The expressions that are evaluated for a printed text, without its words and their layout."""
    if isinstance(text, ast.Constant):
        return []
    if isinstance(text, ast.JoinedStr):
        return [part for value in text.values for part in _computed(value)]
    if isinstance(text, ast.FormattedValue):
        return [*_computed(text.value), *(_computed(text.format_spec) if text.format_spec else [])]
    return [text]
