"""Pipelines: source, tasks, sink, as an immutable graph. Nothing runs here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from raymill.errors import PipelineError
from raymill.flow.declare import Configured, as_declared
from raymill.flow.sink import Write
from raymill.flow.source import Read

NodeKind = Literal["read", "task", "union", "join", "select"]


@dataclass(frozen=True, eq=False)
class Node:
    """One node of a pipeline as it was written; names are resolved when it is planned."""

    kind: NodeKind
    inputs: tuple["Node", ...] = ()
    read: Read | None = None
    task: Configured | None = None
    given: Mapping[str, Any] = field(default_factory=dict)  # ports and parameters, by name
    field: str | tuple[str, ...] | None = None  # what the first port reads
    key: tuple[str, ...] = ()
    as_: str | Mapping[str, str] | None = None
    columns: tuple[str, ...] = ()
    how: Literal["inner", "left"] = "inner"
    label: str = ""


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


@dataclass(frozen=True)
class Stream:
    """Records at one place of a pipeline. Every method gives a new stream; used twice, it
    branches."""

    node: Node

    def then(
        self,
        task: Any,
        *,
        field: str | Sequence[str] | None = None,
        key: str | Sequence[str] | None = None,
        as_: str | Mapping[str, str] | None = None,
        label: str | None = None,
        **given: Any,
    ) -> "Stream":
        """Send the records through a task.

        task: a declared task, a registered name, or a plain function. field: the column that the
        task's
        first input reads; a list makes one instance for each. key: the field that tells whose
        record it is,
        for tasks with a state. as_: the name of the added column (`"{field}_smooth"`), or a
        mapping.
        Everything else is an input's column or a parameter, by name.

        >>> readings = read("city.csv")
        >>> readings.then("kalman_filter", field="temperature", key="source", q=0.1).labels()
        ['read', 'kalman_filter']
        """
        configured = as_declared(task)
        bound = field if field is None or isinstance(field, str) else tuple(field)
        if isinstance(bound, tuple) and isinstance(as_, str) and "{field}" not in as_:
            raise PipelineError(
                f"`{as_}` would name the columns of {len(bound)} fields",
                hint=f"write {{field}} in it: `{{field}}_{as_}`",
            )
        name = label or configured.name
        return Stream(
            Node("task", (self.node,), None, configured, given, bound, _names(key), as_, label=name)
        )

    def window(self, aggregate: Any, **given: Any) -> "Stream":
        """Aggregate over windows: `count=10`, or `seconds=60`, each with `every=` to slide; by
        event time with
        `time=` and `late=`. Takes what `then` takes: `field`, `key`, `as_`."""
        from raymill.flow.window import windowed

        window = {
            n: given.pop(n) for n in ("count", "seconds", "every", "late", "flush") if n in given
        }
        return self.then(windowed(aggregate, **window), **given)

    def select(self, *columns: str) -> "Stream":
        """Keep only these columns, in this order."""
        return Stream(Node("select", (self.node,), columns=columns, label="select"))

    def join(self, other: "Stream", *, how: Literal["inner", "left"] = "inner") -> "Stream":
        """Bring two branches of the same records together again, record by record."""
        return Stream(Node("join", (self.node, other.node), how=how, label="join"))

    def union(self, other: "Stream") -> "Stream":
        """Interleave two branches in the order of the records they come from; missing columns are
        null."""
        return Stream(Node("union", (self.node, other.node), label="union"))

    def write(self, where: Any = None, format: str | None = None, **options: Any) -> "Pipeline":
        """End in a sink: a path, "-" for standard output, or a list to append records to."""
        return Pipeline(((self.node, Write(where, format, options)),))

    def labels(self) -> list[str]:
        """The names of the nodes that lead here, in order."""
        return [node.label for node in order([self.node])]


@dataclass(frozen=True)
class Pipeline:
    """A graph from one source to one sink or more."""

    sinks: tuple[tuple[Node, Write], ...]

    def __add__(self, other: "Pipeline") -> "Pipeline":
        """Both sinks, over one reading of the source."""
        return Pipeline(self.sinks + other.sinks)


def read(what: Any, format: str | None = None, **options: Any) -> Stream:
    """Begin a pipeline: a path, globs, a list of paths, "-", an iterable of records, or a table."""
    return Stream(Node("read", read=Read(what, format, options), label="read"))


def order(ends: Iterable[Node]) -> list[Node]:
    """The nodes in topological order, the source first."""
    found: list[Node] = []
    seen: set[int] = set()

    def visit(node: Node) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        for before in node.inputs:
            visit(before)
        found.append(node)

    for end in ends:
        visit(end)
    sources = [node for node in found if node.kind == "read"]
    if len(sources) != 1:
        raise PipelineError(
            f"A pipeline reads from one source, this one from {len(sources)}",
            hint="give all files to one read([...]); "
            "the order of records from two sources would be an accident",
        )
    return found
