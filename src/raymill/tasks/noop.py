"""The task that does nothing: what a run costs without one."""

from dataclasses import dataclass

from raymill.flow import Answer, Rows, Spec, State, Task, task


@task("noop")
@dataclass(frozen=True)
class Noop(Task):
    """Hand every record on as it is.

    Reads no field and adds none, so that a run shows what source, engine and sink cost alone.

    >>> Noop.declared.try_out([{"value": 1}])
    [{'value': 1}]
    """

    def spec(self) -> Spec:
        """Declare nothing."""
        return Spec()

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Emit all rows."""
        return Answer({})
