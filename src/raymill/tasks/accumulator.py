"""Windows of records over all series, each series of a window sorted by time."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import PipelineError
from raymill.flow import Answer, Fail, Kind, Port, Rows, Spec, State, Task, task
from raymill.flow.outcome import EMIT, HELD
from raymill.tasks import series
from raymill.tasks.properties import Names, listed

BAD_VALUE = Fail("value is not a number")
PARTS = ("series", "observation", "meta")


@task(
    "accumulator",
    properties={
        "AGGREGATE.ACCUMLATOR.TUPLE_WINDOW_SIZE": "window",
        "AGGREGATE.ACCUMLATOR.MULTIVALUE_OBSTYPE": "multivalue",
    },
)
@dataclass(frozen=True)
class Accumulator(Task):
    """Collect every `window` records, over all series together, into one list per series.

    RIoTBench's AccumulatorTask: a tumbling window by count over the whole input. The record that
    fills the window is answered once for each series in it, in order of first appearance, with
    `series`, `times` and `values` (sorted by time; equal times keep their order). A series is what
    the inputs `series`, `observation` and `meta` say together, of which only the first is needed;
    those of the others that are bound are added too. Without the input `time` the times are the
    numbers of the records, from 0. What is left in an open window at the end is counted as skipped,
    or answered with `flush=true`.

    window: how many records make a window.
    multivalue: observation types whose value is text of several numbers, `1.5#2#3`; they share the
        record's time. Without an input `observation` every value is read so.

    >>> seen = [{"series": s, "value": v} for s, v in (("a", 1.0), ("b", 2.0), ("a", 3.0))]
    >>> for record in Accumulator.declared.try_out(seen, window=3):
    ...     print(record["series"], record["times"], record["values"])
    a [0, 2] [1.0, 3.0]
    b [1] [2.0]
    """

    window: Annotated[int, Ge(1)] = 20
    multivalue: Names = ()
    flush: bool = False
    _parts: tuple[str, ...] = PARTS[:1]

    def learn(self, sample: pa.RecordBatch) -> "Accumulator":
        """See which parts of a series' name are bound. Raises PipelineError for a nested one."""
        kind = (
            sample.schema.field("series").type if "series" in sample.schema.names else pa.string()
        )
        if pa.types.is_nested(kind):
            raise PipelineError(
                f"A field of type {kind} cannot name a series",
                hint="bind input `series` to another",
            )
        return replace(self, _parts=tuple(part for part in PARTS if part in sample.schema.names))

    @property
    def _value(self) -> pa.DataType:
        return pa.list_(pa.float64()) if self.multivalue else pa.float64()

    def spec(self) -> Spec:
        """Read series, value and time; keep the open window whole."""
        adds: dict[str, pa.DataType] = dict.fromkeys(self._parts, pa.string())
        adds |= {"times": pa.list_(pa.int64()), "values": pa.list_(pa.float64())}
        held: dict[str, pa.DataType] = dict.fromkeys(PARTS, pa.string())
        held |= {"time": pa.int64(), "value": self._value}
        return Spec(
            reads={
                "series": Port(Kind.ANY),
                "value": Port(Kind.TEXT if self.multivalue else Kind.NUMBER),
                "time": Port(Kind.TIME, optional=True),
                "observation": Port(Kind.TEXT, null=True, optional=True),
                "meta": Port(Kind.TEXT, null=True, optional=True),
            },
            adds=pa.schema(adds),
            scope="all",
            state=np.zeros(1, [("seen", "i8")]),
            held=pa.schema(held),
            outcomes=(BAD_VALUE,) if self.multivalue else (),
            silent=True,
            flushes=self.flush,
        )

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Join the rows to the open window, answer the windows that they fill, hold the rest."""
        assert state is not None
        assert state.held is not None
        code = np.full(len(rows), HELD, np.uint8)
        cells, good = self._cells(rows, code)
        joined = _join(state.held, rows, cells, good, int(state.table["seen"][0]))
        count = len(joined) // self.window
        found = series.windows(joined, self.window, count)
        ends = good[found.last - state.held.num_rows]
        code[ends] = EMIT
        self._hold(state, joined, count * self.window)
        state.table["seen"][0] += len(good)
        return Answer(self._columns(joined, found), code, ends)

    def finish(self, state: State) -> Answer:
        """Answer what the open window holds."""
        assert state.held is not None
        size = state.held.num_rows
        joined = _held(state.held)
        found = series.windows(joined, size, 1 if size else 0)
        return Answer(self._columns(joined, found), rows=np.zeros(len(found.first), np.int64))

    def unfinished(self, state: State) -> int:
        """How many records wait in the open window."""
        return state.held.num_rows if state.held is not None else 0

    def _cells(self, rows: Rows, code: NDArray[np.uint8]) -> tuple[Array, NDArray[np.int64]]:
        """The values, and the rows that have them; rows whose text is no number are marked."""
        if not self.multivalue:
            return pa.array(rows["value"]), np.arange(len(rows))
        several = np.ones(len(rows), np.bool_)
        if "observation" in rows:
            several = arrow.to_numpy(
                arrow.is_in(rows["observation"], pa.array(listed(self.multivalue)))
            )
        cells, bad = series.read_numbers(rows["value"], several)
        code[bad] = 1
        good = np.flatnonzero(~bad)
        return arrow.take(cells, good), good

    def _columns(self, joined: series.Gathered, found: series.Windows) -> dict[str, Array]:
        parts = {
            part: joined.parts[part].at(found.first)
            if part in joined.parts
            else pa.nulls(len(found.first), pa.string())
            for part in self._parts
        }
        return {**parts, "times": found.times, "values": found.values}

    def _hold(self, state: State, joined: series.Gathered, cut: int) -> None:
        """Keep what lies behind the last full window."""
        rest = slice(cut, None)
        size = len(joined) - cut
        cells: Any = joined.values[joined.starts[cut] :]
        if self.multivalue:
            cells = series.lists(joined.starts[cut:], joined.values)
        columns = {
            part: joined.parts[part].at(rest)
            if part in joined.parts
            else pa.nulls(size, pa.string())
            for part in PARTS
        }
        slots = pa.array(np.zeros(size, np.int32))
        state.held = pa.record_batch(
            {**columns, "time": joined.times[rest], "value": cells, "slot": slots}
        )


def _held(held: pa.RecordBatch) -> series.Gathered:
    """The records of the open window."""
    nothing = pa.array([], pa.string())
    parts = {part: series.coded(held[part], nothing) for part in PARTS}
    starts, values = series.laid_out(held["value"])
    return series.Gathered(parts, held["time"].to_numpy(), starts, values)


def _join(
    held: pa.RecordBatch, rows: Rows, cells: Array, good: NDArray[np.int64], seen: int
) -> series.Gathered:
    """Put new records behind those that are held."""
    some = len(good) < len(rows)
    parts = {}
    for part in PARTS:
        if part in rows:
            column = rows[part]
            parts[part] = series.coded(held[part], arrow.take(column, good) if some else column)
    times = rows["time"][good] if "time" in rows else np.arange(seen, seen + len(good))
    starts, values = series.laid_out(held["value"], cells)
    return series.Gathered(parts, np.concatenate([held["time"].to_numpy(), times]), starts, values)
