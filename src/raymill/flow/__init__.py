"""The vocabulary: task, pipeline, and what holds between them. Declarations only."""

from raymill.flow.declare import Configured, Declared, as_declared, task
from raymill.flow.outcome import Fail, Skip
from raymill.flow.signature import Hash, Out, Outside, Time
from raymill.flow.task import Answer, Kind, Port, Rows, Spec, State, Task

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
