"""Which workflows those who are not trusted may start, and with what."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from raymill.errors import AccessDenied, InputError, unknown
from raymill.flow import registry

INPUTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {"filings-update": frozenset(("since", "forms"))}
)
"""What the inputs of raymill's own workflows may say; those that are not here name files."""

ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "filings": "POST /api/filings/companies",
        "backtest": "POST /api/algorunner/run",
    }
)


def startable() -> list[str]:
    """The workflows that may be started: those of other packages, and some of raymill's own."""
    known = registry.names(registry.WORKFLOWS)
    return [one for one in known if one in INPUTS or not registry.is_own(registry.WORKFLOWS, one)]


def check_startable(workflow: str, value: Any) -> None:
    """Whether a workflow may be started with an input; neither a module nor a file is a name.

    Raises UnknownName, AccessDenied, InputError.
    """
    known = registry.names(registry.WORKFLOWS)
    if workflow not in known:
        error = unknown("workflow", workflow, known)
        error.details["path"] = "workflow"
        raise error
    if workflow not in startable():
        raise AccessDenied(
            f"Workflow `{workflow}` is not started over HTTP: its input names files",
            hint=ELSEWHERE.get(workflow, "raymill workflows start, on the machine"),
        )
    if (names := INPUTS.get(workflow)) is None:
        return
    if not isinstance(value, Mapping):
        raise InputError(f"`{workflow}` takes an object", path="input")
    for name in value:
        if name not in names:
            error = unknown(f"name in the input of `{workflow}`:", name, names)
            error.details["path"] = f"input.{name}"
            raise error
