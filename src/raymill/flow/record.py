"""Lifts a record function: plain Python on one record, called once for each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import PipelineError
from raymill.flow.column_task import Answer, Kind, Port, Rows, Spec, State, Task
from raymill.flow.outcome import HELD, RAISED, Fail, Outcome, Skip, check_reasons
from raymill.flow.parameters import call_with

if TYPE_CHECKING:
    from raymill.flow.declare import Declared

SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Raised:
    """Stands in the results for a record whose function raised."""

    text: str


@dataclass(frozen=True)
class RecordTask(Task):
    """A record function with its parameters, as engines see it."""

    declared: "Declared[..., Any]"
    values: Mapping[str, Any]
    fields: tuple[tuple[str, pa.DataType], ...] | None = None  # what a function of a record adds
    names: tuple[str, ...] = ()  # the fields that a function of a record sees

    @cached_property
    def _call(self) -> Callable[..., Any]:
        keywords = {p.name: self.values[p.name] for p in self.declared.signature.parameters}
        return partial(self.declared.fn, **keywords) if keywords else self.declared.fn

    @cached_property
    def _reason(self) -> Skip:
        return Skip(self.declared.options.skip or f"not {self.declared.name}")

    def spec(self) -> Spec:
        """Declare what is read, added, kept."""
        options, signature = self.declared.options, self.declared.signature
        reads: dict[str, Port] = dict(signature.ports)
        if signature.record:
            reads |= {name: Port(Kind.ANY, null=True) for name in self.names or options.reads or ()}
        adds = self.fields if signature.returns.record else signature.returns.columns
        if adds is None:
            adds = tuple((options.adds or {}).items())
        stateful = options.state is not None
        return Spec(
            reads=reads,
            adds=pa.schema([pa.field(name, kind) for name, kind in adds]),
            scope=options.scope if stateful else "record",
            outcomes=(self._reason,),
            silent=stateful and signature.returns.optional and not options.missing,
            unfinished=options.unfinished,
            objects=self._fresh if stateful else None,
            flushes=bool(self.values.get("flush")),
            python=True,
        )

    def _fresh(self) -> Any:
        assert self.declared.options.state is not None
        return call_with(self.declared.options.state, self.values)

    def learn(self, sample: pa.RecordBatch) -> "RecordTask":
        """See which fields there are and, for a function that returns a record, what it adds."""
        if not self.declared.signature.record:
            return self
        chosen = self.declared.options.reads or sample.schema.names
        seen = replace(self, names=tuple(chosen))
        if not self.declared.signature.returns.record or self.declared.options.adds is not None:
            return seen
        if self.declared.options.state is not None:
            raise PipelineError(
                f"Task `{self.declared.name}` returns a record and keeps a state, "
                "so its fields cannot be tried out",
                hint="name them: @task(adds={'field': pa.float64()})",
            )
        there = [field for field in chosen if field in sample.schema.names]
        return replace(seen, fields=self._try(sample.select(there).slice(0, SAMPLE)))

    def _try(self, sample: pa.RecordBatch) -> tuple[tuple[str, pa.DataType], ...]:
        call = self._call
        found: list[dict[str, Any]] = []
        for record in sample.to_pylist():
            try:
                result = call(record)
            except Exception:  # a record that fails tells nothing of the fields
                continue
            if isinstance(result, dict):
                found.append(
                    {k: v for k, v in result.items() if k not in record or record[k] is not v}
                )
        names = list(dict.fromkeys(name for row in found for name in row))
        table = (
            pa.Table.from_pylist([{n: row.get(n) for n in names} for row in found])
            if names
            else None
        )
        return tuple((f.name, f.type) for f in table.schema) if table is not None else ()

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Call the function for each row."""
        return self._answer(list(self._results(rows, state)))

    def _results(self, rows: Rows, state: State | None) -> list[Any]:
        cells = [_cells(rows[port]) for port in self.spec_reads]
        call = self._call
        if self.declared.signature.record:
            names = self.spec_reads
            records = (dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True))
            cells = [records if names else ({} for _ in range(len(rows)))]  # type: ignore[list-item]
        elif not cells:
            cells = [[()] * len(rows)]
            call = _ignore(call)
        if state is not None:
            objects = state.objects
            slots = rows.slot.tolist() if rows.slot is not None else []
            cells = [(objects[slot] for slot in slots), *cells]  # type: ignore[list-item]
        return _map(call, cells)

    @cached_property
    def spec_reads(self) -> tuple[str, ...]:
        """The ports, in order."""
        return tuple(self.spec().reads)

    def _answer(self, results: list[Any]) -> Answer:
        returns = self.declared.signature.returns
        columns = self._plain(results)
        if columns is not None:
            return Answer(columns)
        outcomes: dict[Outcome, int] = {self._reason: 1}
        code = np.zeros(len(results), np.uint8)
        errors: dict[int, str] = {}
        silent = self.declared.options.state is not None
        for i, result in enumerate(results):
            if type(result) is Raised:
                code[i] = RAISED
                errors[i] = result.text
            elif isinstance(result, Skip | Fail):
                code[i] = _intern(outcomes, result)
            elif result is None and not self.declared.options.missing:
                code[i] = HELD if silent else 1
            elif returns.filters and not result:
                code[i] = 1
        good = [r if c == 0 else None for r, c in zip(results, code.tolist(), strict=True)]
        return Answer(
            self._columns(good, code, errors), code, outcomes=tuple(outcomes), errors=errors
        )

    def _plain(self, results: list[Any]) -> dict[str, Any] | None:
        """The usual case, all emitted: one column, converted at once; None where a look is
        needed."""
        returns = self.declared.signature.returns
        if returns.filters or returns.record or len(returns.columns) != 1:
            return None
        ((name, kind),) = returns.columns
        try:
            if kind == pa.float64() and not self.declared.options.missing:
                values = np.fromiter(results, np.float64, len(results))
                # None becomes NaN there, and is no result
                return None if np.isnan(values).any() and None in results else {name: values}
            return (
                {name: pa.array(results, kind)}
                if None not in results or self.declared.options.missing
                else None
            )
        except (TypeError, ValueError, pa.ArrowException):
            return None

    def _columns(
        self, good: list[Any], code: NDArray[np.uint8], errors: dict[int, str]
    ) -> dict[str, Any]:
        returns = self.declared.signature.returns
        if returns.filters:
            return {}
        spec = self.spec()
        if returns.record:
            cells = {
                n: [None if row is None else row.get(n) for row in good] for n in spec.adds.names
            }
        elif returns.tuple_:
            cells = {
                n: [None if row is None else row[j] for row in good]
                for j, n in enumerate(spec.adds.names)
            }
        else:
            cells = dict.fromkeys(spec.adds.names, good)
        return {f.name: _column(cells[f.name], f, code, errors) for f in spec.adds}

    def finish(self, state: State) -> Answer:
        """Answer the open rest of each key, in slot order."""
        from raymill.flow.step import call_with_state

        rest = self.declared.options.flush
        assert rest is not None
        answers = [call_with_state(rest, one, self.values) for one in state.objects[: len(state)]]
        slots = np.array([i for i, answer in enumerate(answers) if answer is not None], np.int64)
        good = [answer for answer in answers if answer is not None]
        return Answer(self._columns(good, np.zeros(len(good), np.uint8), {}), rows=slots)


def _cells(column: Any) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()  # type: ignore[no-any-return]


def _ignore(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: call(*arguments[:-1])


def _map(call: Callable[..., Any], cells: list[Any]) -> list[Any]:
    """Map the function; where it raises, mark that record and go on behind it."""
    results: list[Any] = []
    answers: Iterator[Any] = map(call, *cells)
    while True:
        try:
            results.extend(answers)
        except Exception as error:
            results.append(Raised(f"{type(error).__name__}: {error}"))
        else:
            return results


def _intern(outcomes: dict[Outcome, int], outcome: Outcome) -> int:
    found = outcomes.get(outcome)
    if found is None:
        check_reasons(len(outcomes) + 1)
        found = outcomes[outcome] = len(outcomes) + 1
    return found


def _column(
    cells: list[Any], field: "pa.Field[Any]", code: NDArray[np.uint8], errors: dict[int, str]
) -> Array:
    """Make a column; a cell that does not fit its type fails its record."""
    try:
        return arrow.array(cells, field.type)
    except (TypeError, ValueError, pa.ArrowException):
        pass
    fitting: list[Any] = []
    for i, cell in enumerate(cells):
        try:
            pa.array([cell], field.type)
            fitting.append(cell)
        except (TypeError, ValueError, pa.ArrowException):
            code[i] = RAISED
            errors[i] = f"`{field.name}` is {cell!r}, which is no {field.type}"
            fitting.append(None)
    return arrow.array(fitting, field.type)
