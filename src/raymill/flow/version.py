"""The version of a workflow's code: what its steps are, and the text of their functions."""

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raymill.flow.workflow import Step


def version_of(steps: Iterable["Step"]) -> str:
    """Make a version of steps; comments, docstrings and line breaks do not count."""
    parts = [repr((one.name, one.after, one.each, _code(one.run))) for one in steps]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _code(run: Any) -> str:
    from raymill.flow.workflow import Question, Workflow

    if isinstance(run, Workflow):
        return run.version
    return repr(run) if isinstance(run, Question) else code_of(run)


def code_of(function: Callable[..., Any]) -> str:
    """A function's code without what does not change what it does; its name where there is none."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return f"{function.__module__}.{getattr(function, '__qualname__', function)}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            _drop_docstring(node)
    return ast.dump(tree)


def _drop_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        node.body = node.body[1:]
