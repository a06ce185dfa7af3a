"""Rows of what authors write: record functions, and a compiled step against columns by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.bench.case import Case, Setup, Work, speed
from raymill.bench.readings import batches
from raymill.bench.streams.operator import timed
from raymill.bench.streams.tasks import lists
from raymill.compiled import kernel
from raymill.engines.clean import clean
from raymill.engines.keys import KeyTable
from raymill.flow import Answer, Port, Rows, Spec, State, Task, as_declared, task

FEW = 1_000_000  # records of a Python function
FIELDS = ("temperature", "humidity")


@task
def celsius(fahrenheit: float) -> float:
    """A record function on one declared field."""
    return (fahrenheit - 32.0) / 1.8


@task(adds={"heat": pa.float64()})
def heat(record: dict[str, Any]) -> dict[str, Any]:
    """A record function on a whole record."""
    return {**record, "heat": record["temperature"] + 0.05 * record["humidity"]}


@kernel
def _filter(
    values: NDArray[np.float64],
    slots: NDArray[np.int32],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    q: float,
    r: float,
    out: NDArray[np.float64],
    code: NDArray[np.uint8],
) -> None:
    """The Kalman filter as a loop over columns, as its author would write it without steps."""
    for i in range(len(values)):
        slot = slots[i]
        wider = p[slot] + q
        gain = wider / (wider + r)
        x[slot] += gain * (values[i] - x[slot])
        p[slot] = (1.0 - gain) * wider
        out[i] = x[slot]
        code[i] = 0


@task("kalman_by_hand")
@dataclass(frozen=True)
class KalmanByHand(Task):
    """The Kalman filter on columns, what a compiled step is measured against."""

    q: float = 0.125
    r: float = 0.32

    def spec(self) -> Spec:
        """Read a number, keep two."""
        row = np.zeros(1, [("x", "f8"), ("p", "f8")])
        row["p"] = 30.0
        adds = pa.schema([("value", pa.float64())])
        return Spec(reads={"value": Port()}, adds=adds, scope="key", state=row)

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Run the loop."""
        assert state is not None
        out, code = np.empty(len(rows)), np.empty(len(rows), np.uint8)
        table = state.table
        _filter(rows["value"], rows.slot, table["x"], table["p"], self.q, self.r, out, code)  # type: ignore[arg-type]
        return Answer({"value": out}, code)


def cases() -> Iterator[Case]:
    """Record functions, then the watch over the compiled loop."""
    yield Case(
        "streams.record_field",
        "a record function on one declared field",
        lambda setup: timed(_few(setup), lambda s: s.then(celsius, field="temperature")),
        against="streams.record_field.python",
    )
    yield Case(
        "streams.record_field.python", "the same function in a plain Python loop", _fields_plainly
    )
    yield Case(
        "streams.record_dict",
        "a record function on a record of two fields",
        lambda setup: timed([b.select(FIELDS) for b in _few(setup)], lambda s: s.then(heat)),
        against="streams.record_dict.python",
    )
    yield Case(
        "streams.record_dict.python", "the same function in a plain Python loop", _dicts_plainly
    )
    yield Case(
        "streams.step_loop",
        "kalman_filter as a compiled step, slots known, without an output batch",
        lambda setup: loop(setup, as_declared("kalman_filter").lift()),
        against="streams.step_loop.by_hand",
    )
    yield Case(
        "streams.step_loop.by_hand",
        "the same kernel written by hand as columns",
        lambda setup: loop(setup, KalmanByHand()),
    )


def _few(setup: Setup) -> list[pa.RecordBatch]:
    return batches(setup, *FIELDS, count=setup.count(FEW))


def _fields_plainly(setup: Setup) -> Work:
    cells = lists(_few(setup))["temperature"]

    def work() -> int:
        return len([celsius.fn(cell) for cell in cells])

    return speed(work)


def _dicts_plainly(setup: Setup) -> Work:
    columns = lists([batch.select(FIELDS) for batch in _few(setup)])

    def work() -> int:
        rows = zip(*columns.values(), strict=True)
        return len([heat.fn(dict(zip(columns, row, strict=True))) for row in rows])

    return speed(work)


def loop(setup: Setup, chosen: Task) -> Work:
    """The speed of a task's own loop: clean columns and slots in, columns out."""
    keys = KeyTable()
    given = []
    for batch in batches(setup, "temperature"):
        asked = clean(batch, {"value": "temperature"}, {"value": Port()})
        given.append(Rows(asked.columns, asked.count, keys.slots(batch.column("source"))))
    state = State(chosen.spec().state)
    state.grow(len(keys))
    chosen.open()

    def work() -> int:
        for rows in given:
            chosen.apply(rows, state)
        return sum(map(len, given))

    return speed(work)
