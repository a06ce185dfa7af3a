"""Lifts a compiled step: one record of plain Python, run as a compiled loop over columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.errors import ConfigError
from raymill.flow.column_task import Answer, Rows, Spec, State, Task
from raymill.flow.outcome import Skip
from raymill.flow.parameters import call_with

if TYPE_CHECKING:
    from raymill.flow.declare import Declared

Loop = Callable[..., None]


def state_row(example: Any) -> NDArray[Any]:
    """Make the one structured row that holds a key's first state, from an example dataclass.

    Fields: float -> float64, int -> int64, bool, arrays of fixed length. Raises ConfigError.
    """
    if not is_dataclass(example):
        raise ConfigError(f"State {example!r} is no dataclass instance")
    values = [getattr(example, field.name) for field in fields(example)]
    kinds: list[Any] = []
    for field, value in zip(fields(example), values, strict=True):
        if isinstance(value, np.ndarray):
            kinds.append((field.name, value.dtype, value.shape))
        elif isinstance(value, bool | int | float | np.generic):
            kinds.append((field.name, np.asarray(value).dtype))
        else:
            raise ConfigError(
                f"State field `{field.name}` holds {type(value).__name__}, "
                "which no compiled step can keep",
                hint="use float, int, bool or a numpy array of fixed length",
            )
    row = np.zeros(1, np.dtype(kinds, align=True))
    row[0] = tuple(values)
    return row


class Record:
    """One row of a state table, with the fields as attributes: what a plain step sees as its
    state."""

    __slots__ = ("_row",)

    def __init__(self, row: Any) -> None:
        object.__setattr__(self, "_row", row)

    def __getattr__(self, name: str) -> Any:
        value = self._row[name]
        return value.item() if isinstance(value, np.generic) else value

    def __setattr__(self, name: str, value: Any) -> None:
        self._row[name] = value


@dataclass(frozen=True)
class Step(Task):
    """A compiled step with its parameters, as engines see it."""

    declared: "Declared[..., Any]"
    values: Mapping[str, Any]
    compiled: bool = True

    @cached_property
    def _arguments(self) -> tuple[Any, ...]:
        return tuple(self.values[p.name] for p in self.declared.signature.parameters)

    @cached_property
    def _spec(self) -> Spec:
        options, signature = self.declared.options, self.declared.signature
        returns = signature.returns
        row = state_row(call_with(options.state, self.values)) if options.state else None
        adds = [pa.field(name, kind) for name, kind in returns.columns]
        for name, length in signature.fills.items():
            adds.append(pa.field(name, pa.list_(pa.float64(), int(self.values[length]))))
        skips = returns.filters or (returns.optional and row is None and not options.missing)
        reason = options.skip or f"not {self.declared.name}"
        return Spec(
            reads=signature.ports,
            adds=pa.schema(adds),
            scope=options.scope if row is not None else "record",
            state=row,
            outcomes=(Skip(reason),) if skips else (),
            silent=returns.optional and row is not None and not options.missing,
            unfinished=options.unfinished,
            flushes=bool(self.values.get("flush")),
        )

    @cached_property
    def _loop(self) -> Loop:
        from raymill.flow import loop

        return loop.compiled(self.declared) if self.compiled else loop.plain(self.declared)

    def spec(self) -> Spec:
        """Declare what is read, added, kept."""
        return self._spec

    def open(self) -> None:
        """Compile the loop now, so that a typing error is an error of the plan."""
        self.apply(
            Rows({p: _empty(port) for p, port in self._spec.reads.items()}, 0, _NONE), self._fresh()
        )

    def _fresh(self) -> State | None:
        return State(self._spec.state) if self._spec.state is not None else None

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Run the loop over the rows."""
        spec, count = self._spec, len(rows)
        inputs = tuple(rows[port] for port in spec.reads)
        outs = tuple(_output(field, count) for field in spec.adds)
        code = np.empty(count, np.uint8)
        slots = rows.slot if rows.slot is not None else _NONE
        table = state.table if state is not None else _NO_TABLE
        self._loop(count, table, slots, inputs, self._arguments, outs, code)
        return Answer(self._columns(outs), code)

    def _columns(self, outs: tuple[NDArray[Any], ...]) -> dict[str, Any]:
        missing = self.declared.options.missing
        found: dict[str, Any] = {}
        for field, out in zip(self._spec.adds, outs, strict=True):
            if pa.types.is_fixed_size_list(field.type):
                values = pa.array(out.reshape(-1))
                found[field.name] = pa.FixedSizeListArray.from_arrays(values, field.type.list_size)
            else:
                found[field.name] = pa.array(out, from_pandas=True) if missing else out
        return found

    def finish(self, state: State) -> Answer:
        """Answer the open rest of each key, in slot order."""
        rest = self.declared.options.flush
        if rest is None:
            return Answer({}, rows=np.empty(0, np.int64))
        kept: list[tuple[int, Any]] = []
        for slot in range(len(state)):
            answer = call_with_state(rest, Record(state.table[slot]), self.values)
            if answer is not None:
                kept.append((slot, answer))
        slots = np.array([slot for slot, _ in kept], np.int64)
        return Answer(self._rest(kept), rows=slots)

    def _rest(self, kept: list[tuple[int, Any]]) -> dict[str, Any]:
        names = [name for name, _ in self.declared.signature.returns.columns]
        cells = [answer if isinstance(answer, tuple) else (answer,) for _, answer in kept]
        found: dict[str, Any] = {}
        for field in self._spec.adds:
            at = names.index(field.name) if field.name in names else None
            values = [row[at] if at is not None else None for row in cells]
            found[field.name] = pa.array(values, field.type)
        return found


def call_with_state(function: Callable[..., Any], record: Any, values: Mapping[str, Any]) -> Any:
    """Call `function(record, **those values that it names)`."""
    import inspect

    wanted = list(inspect.signature(function).parameters)[1:]
    return function(record, **{name: values[name] for name in wanted if name in values})


_NONE = np.empty(0, np.int32)
_NO_TABLE = np.empty(0, np.uint8)


def _empty(port: Any) -> NDArray[Any]:
    from raymill.flow.column_task import Kind

    kinds = {Kind.NUMBER: np.float64, Kind.HASH: np.uint64}
    found = np.empty(0, kinds.get(port.kind, np.int64))
    found.flags.writeable = False
    return found


def _output(field: "pa.Field[Any]", count: int) -> NDArray[Any]:
    if pa.types.is_fixed_size_list(field.type):
        return np.empty((count, field.type.list_size), np.float64)
    kinds = {pa.float64(): np.float64, pa.int64(): np.int64, pa.bool_(): np.bool_}
    if field.type not in kinds:
        raise ConfigError(f"A compiled step cannot add `{field.name}` of type {field.type}")
    return np.empty(count, kinds[field.type])
