"""The one thing that engines know: an object that answers rows of columns.

Functions are lifted to it (`raymill.flow.declare`); authors of column tasks write it themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.arrow import Array, ChunkedArray
from raymill.flow.outcome import Outcome

Column: TypeAlias = NDArray[Any] | Array | ChunkedArray
Scope: TypeAlias = Literal["record", "key", "all"]


class Kind(Enum):
    """What a task wants to see in a column that it reads."""

    NUMBER = "number"  # contiguous float64
    INTEGER = "integer"  # contiguous int64
    TEXT = "text"  # an Arrow string array, never dictionary-encoded
    TIME = "time"  # contiguous int64, epoch milliseconds
    HASH = "hash"  # a stable 64-bit hash of the cell's text, uint64
    ANY = "any"  # the Arrow array as it is


@dataclass(frozen=True, slots=True)
class Port:
    """One column that a task reads. A port that does not welcome null never sees null, NaN or
    infinity;
    one that does sees NaN (NUMBER) or null (TEXT, ANY); INTEGER, TIME and HASH ports are never
    null."""

    kind: Kind = Kind.NUMBER
    null: bool = False
    optional: bool = False  # may be missing from the input; then `port in rows` is false


EMPTY = pa.schema([])


@dataclass(frozen=True, slots=True)
class Spec:
    """What a task declares: a pure function of its parameters, asked once, before the first
    record."""

    reads: Mapping[str, Port] = field(default_factory=dict)
    adds: pa.Schema = EMPTY
    drops: frozenset[str] = frozenset()  # ports whose column is not handed on
    scope: Scope = "record"  # no state | one state per key | one state, runs in one place
    state: NDArray[Any] | None = None  # ONE structured row: type and first value of a key's state
    held: pa.Schema | None = (
        None  # rows that a task keeps whole (its `slot` column is added by the engine)
    )
    outcomes: tuple[Outcome, ...] = ()  # what its codes 1, 2, ... mean
    silent: bool = False  # a code per row is always given, some may be HELD
    unfinished: str | None = (
        None  # state field that counts the records in a window that is still open
    )
    flushes: bool = False  # the open rest is answered at the end of input
    objects: Callable[[], Any] | None = (
        None  # makes a key's first state where it is a Python object
    )
    python: bool = False  # each record is a Python call: more cores mean more processes


@dataclass(slots=True)
class Answer:
    """What a task answers to rows: added columns, an outcome code per row, and which row each
    output answers.

    `columns`: one cell per row given, or per entry of `rows`. `code`: uint8 per row given, None
    when all are
    emitted. `rows`: for tasks that give none or several outputs for a row, output j answers row
    `rows[j]`
    (int64, never decreasing); with it, code EMIT or HELD of a row does not select outputs, `rows`
    does.
    """

    columns: Mapping[str, Column]
    code: NDArray[np.uint8] | None = None
    rows: NDArray[np.int64] | None = None
    outcomes: tuple[Outcome, ...] | None = (
        None  # what the codes mean, where only the answer can know
    )
    errors: Mapping[int, str] | None = None  # row -> why it raised, for codes RAISED


class Rows:
    """The rows that a task is asked about. Read-only; `rows["value"]` is the column of that
    port."""

    __slots__ = ("_columns", "count", "slot")

    def __init__(
        self, columns: Mapping[str, Column], count: int, slot: NDArray[np.int32] | None = None
    ) -> None:
        self._columns = columns
        self.count = count
        self.slot = slot  # the state row of each record

    def __getitem__(self, port: str) -> Any:
        return self._columns[port]

    def __contains__(self, port: object) -> bool:
        return port in self._columns

    def __len__(self) -> int:
        return self.count


class State:
    """The state of the keys that one worker owns: row = slot = key. Grown by the engine before
    `apply`."""

    __slots__ = ("_first", "_fresh", "count", "held", "objects", "table")

    def __init__(
        self,
        first: NDArray[Any] | None,
        held: pa.Schema | None = None,
        fresh: Callable[[], Any] | None = None,
    ) -> None:
        self._first = first
        self._fresh = fresh
        self.count = 0
        self.table: NDArray[Any] = np.empty(0, first.dtype if first is not None else np.dtype("u1"))
        self.objects: list[Any] = []  # of record functions with a state: one Python object per key
        self.held: pa.RecordBatch | None = (
            pa.RecordBatch.from_pylist([], schema=held.append(pa.field("slot", pa.int32())))
            if held
            else None
        )

    def __len__(self) -> int:
        return self.count

    def grow(self, count: int) -> None:
        """Make room for `count` keys; new rows start with the first value."""
        if self._first is not None and count > len(self.table):
            least = 16 if self.table.itemsize < 4096 else 1  # some keep megabytes, for one key
            wider = np.empty(max(count, 2 * len(self.table), least), self.table.dtype)
            wider[: self.count] = self.table[: self.count]
            wider[self.count :] = self._first[0]
            self.table = wider
        if self._fresh is not None:  # a record function's state
            self.objects.extend(self._fresh() for _ in range(count - len(self.objects)))
        self.count = max(self.count, count)


class Task(Protocol):
    """What an engine is told to run. Column authors subclass it with a frozen dataclass of
    parameters."""

    def __getstate__(self) -> dict[str, Any]:
        """Parameters travel to other processes, what was opened or compiled does not."""
        known = getattr(self, "__dataclass_fields__", vars(self))
        return {name: getattr(self, name) for name in known}

    def spec(self) -> Spec:
        """Declare what is read, added, kept. Equal on every call and after pickling."""
        ...

    def learn(self, sample: pa.RecordBatch) -> "Task":
        """Return the task with what it must know of the input fixed (a parser's fields), from its
        first block.

        `sample` holds the bound columns under their port names. Called once, before `spec`."""
        return self

    def open(self) -> None:
        """Load read-only resources (a model, a table); once in each worker."""
        return

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Answer the rows. Must not write to them nor keep them."""
        ...

    def finish(self, state: State) -> Answer:
        """At the end of input, answer slots instead of rows (`rows` = slots); only asked if
        `flushes`."""
        return Answer({}, rows=np.empty(0, np.int64))

    def unfinished(self, state: State) -> int:
        """How many held records lie in windows that are still open."""
        name = self.spec().unfinished
        return int(state.table[name][: len(state)].sum()) if name else 0
