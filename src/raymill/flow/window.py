"""Windows: an aggregate over so many records, or over a span of event time, for each key."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Gt
from numpy.typing import NDArray

from raymill.errors import ConfigError, unknown
from raymill.flow import aggregates
from raymill.flow.aggregates import Aggregate
from raymill.flow.column_task import Answer, Kind, Port, Rows, Spec, State, Task
from raymill.flow.declare import Configured, task
from raymill.flow.outcome import Skip
from raymill.flow.registry import locate
from raymill.flow.signature import Outside, read_signature
from raymill.flow.step import state_row
from raymill.flow.window_loop import Kernels, build

LATE = Skip("late")
NO_END = np.iinfo(np.int64).min


def _milliseconds(seconds: float, name: str) -> int:
    found = round(seconds * 1000)
    if found <= 0 and name != "late":
        raise ConfigError(f"Window `{name}` is {seconds} s, which is under a millisecond")
    return found


@task("window")
@dataclass(frozen=True)
class Window(Task):
    """Aggregate the values of each key over windows.

    aggregate: mean, total, minimum, maximum, tally, spread, or `module:object` of your own
    Aggregate.
    count: records in a window; every: a new window each so many records (default: count, windows
    do not overlap).
    seconds: length of a window in event time, taken from the field bound to `time` (epoch
    milliseconds);
    every: seconds between two starts; late: how many seconds a record may come behind its key's
    newest time.
    A window closes, and answers the record that closed it, when its key's time passes end + late.
    flush: answer windows that are still open at the end of input.
    """

    aggregate: Annotated[Any, Outside("code")] = "mean"
    count: Annotated[int, Gt(0)] | None = None
    seconds: Annotated[float, Gt(0)] | None = None
    every: Annotated[float, Gt(0)] | None = None
    late: float = 0.0
    flush: bool = False

    @cached_property
    def _aggregate(self) -> Aggregate:
        found = self.aggregate
        if isinstance(found, str):
            if ":" in found:
                found = locate(found)
            elif found in aggregates.BUILT_IN:
                found = aggregates.BUILT_IN[found]
            else:
                raise unknown("aggregate", found, aggregates.BUILT_IN)
        if not isinstance(found, Aggregate):
            raise ConfigError(
                f"{found!r} is no aggregate", hint="give an Aggregate(state, add, result)"
            )
        return found

    @cached_property
    def _sizes(self) -> tuple[int, int, int]:
        """Length, step and lateness: records, or milliseconds."""
        if (self.count is None) == (self.seconds is None):
            raise ConfigError(
                "A window has a `count` or `seconds`", hint="--set count=10 or --set seconds=60"
            )
        if self.count is not None:
            step = int(self.every or self.count)
            if step != (self.every or self.count) or self.late:
                raise ConfigError(
                    "A window of `count` records slides by whole records and knows no lateness"
                )
            return self.count, step, 0
        assert self.seconds is not None
        return (
            _milliseconds(self.seconds, "seconds"),
            _milliseconds(self.every or self.seconds, "every"),
            _milliseconds(self.late, "late"),
        )

    @cached_property
    def _spec(self) -> Spec:
        size, step, late = self._sizes
        timed = self.seconds is not None
        open_windows = -(-(size + late) // step) + 1
        row = state_row(self._aggregate.state())
        one = np.dtype(
            [("number", "i8"), ("records", "i8"), ("firsts", "i8"), ("inner", row.dtype)],
            align=True,
        )
        kind = np.dtype(
            [("seen", "i8"), ("left", "i8"), ("open", one, (open_windows,))], align=True
        )
        first = np.zeros(1, kind)
        first["open"]["inner"] = row[0]
        first["seen"] = NO_END if timed else 0
        adds = [pa.field(name, kind) for name, kind in self._returns.columns]
        if timed:
            adds += [pa.field("window_start", pa.int64()), pa.field("window_end", pa.int64())]
        reads = {"value": Port(Kind.NUMBER)} | ({"time": Port(Kind.TIME)} if timed else {})
        return Spec(
            reads=reads,
            adds=pa.schema(adds),
            scope="key",
            state=first,
            outcomes=(LATE,) if timed else (),
            silent=True,
            unfinished="left",
            flushes=self.flush,
        )

    @cached_property
    def _returns(self) -> Any:
        return read_signature(self._aggregate.result, stateful=True, output="value").returns

    @cached_property
    def _kernels(self) -> Kernels:
        types = tuple(str(kind.to_pandas_dtype().__name__) for _, kind in self._returns.columns)
        return build(self._aggregate, types, self._returns.tuple_)

    def spec(self) -> Spec:
        """Declare what is read, added, kept."""
        return self._spec

    def open(self) -> None:
        """Compile the loop."""
        none = {name: _frozen(0, name) for name in self._spec.reads}
        self.apply(Rows(none, 0, np.empty(0, np.int32)), State(self._spec.state))

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Add each row to its windows and answer those that close."""
        assert state is not None
        assert rows.slot is not None
        size, step, late = self._sizes
        code = np.empty(len(rows), np.uint8)
        first = self._first
        if self.seconds is None:
            run = self._kernels.count
            found = run(state.table, first, rows.slot, rows["value"], size, step, code)
        else:
            run = self._kernels.time
            found = run(
                state.table, first, rows.slot, rows["value"], rows["time"], size, step, late, code
            )
        at, numbers, *columns = found
        return Answer(self._named(columns, numbers), code, rows=at)

    @cached_property
    def _first(self) -> NDArray[Any]:
        return state_row(self._aggregate.state())

    def _named(self, columns: list[NDArray[Any]], numbers: NDArray[np.int64]) -> dict[str, Any]:
        named: dict[str, Any] = {
            n: c for (n, _), c in zip(self._returns.columns, columns, strict=True)
        }
        if self.seconds is not None:
            size, step, _ = self._sizes
            named["window_start"] = numbers * step
            named["window_end"] = numbers * step + size
        return named

    def finish(self, state: State) -> Answer:
        """Answer the windows that are still open, key by key."""
        at, numbers, *columns = self._kernels.rest(state.table, len(state))
        return Answer(self._named(columns, numbers), rows=at)


def _frozen(count: int, name: str) -> NDArray[Any]:
    found = np.empty(count, np.int64 if name == "time" else np.float64)
    found.flags.writeable = False
    return found


def windowed(aggregate: Any, **given: Any) -> Configured:
    """An aggregate over windows, as a task for `Stream.then`."""
    return Configured(Window.declared, {"aggregate": aggregate, **given})  # type: ignore[attr-defined]
