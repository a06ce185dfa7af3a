"""The vocabulary: task, pipeline, and what holds between them. Declarations only."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raymill.flow.column_task import Answer, Kind, Port, Rows, Spec, State, Task
    from raymill.flow.declare import Configured, Declared, as_declared, task
    from raymill.flow.outcome import Fail, Skip
    from raymill.flow.signature import Hash, Out, Outside, Time

_PLACES = {
    "column_task": ("Answer", "Kind", "Port", "Rows", "Spec", "State", "Task"),
    "declare": ("Configured", "Declared", "as_declared", "task"),
    "outcome": ("Fail", "Skip"),
    "signature": ("Hash", "Out", "Outside", "Time"),
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [
    "Answer",
    "Configured",
    "Declared",
    "Fail",
    "Hash",
    "Kind",
    "Out",
    "Outside",
    "Port",
    "Rows",
    "Skip",
    "Spec",
    "State",
    "Task",
    "Time",
    "as_declared",
    "task",
]


def __getattr__(name: str) -> Any:
    # Loaded when used: workflows lie beside tasks, and do without Arrow.
    if name not in _HOMES:
        raise AttributeError(f"module `raymill.flow` has no `{name}`")
    return getattr(import_module(f"raymill.flow.{_HOMES[name]}"), name)
