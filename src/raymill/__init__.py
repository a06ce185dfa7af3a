"""raymill: write the logic once, run it in process or on a Ray cluster, get the same answer."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "raymill.flow": (
        "Answer",
        "Fail",
        "Hash",
        "Kind",
        "Out",
        "Port",
        "Rows",
        "Skip",
        "Spec",
        "State",
        "Task",
        "Time",
        "task",
    ),
    "raymill.flow.aggregates": ("Aggregate",),
    "raymill.flow.pipeline": ("Pipeline", "Stream", "read"),
    "raymill.flow.pool": ("StepContext", "StepFailed"),
    "raymill.flow.workflow": (
        "Limit",
        "Question",
        "Resources",
        "Retry",
        "Step",
        "Workflow",
        "step",
    ),
    "raymill.app.streams": ("check", "run"),
    "raymill.app.workflows": ("Workflows",),
    "raymill.services.client": ("AsyncClient", "Client"),
    "raymill.errors": ("RaymillError",),
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    # Loaded when used: `import raymill` loads no engine, and `raymill --help` nothing at all.
    if name not in _HOMES:
        raise AttributeError(f"module `raymill` has no `{name}`")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
