"""Learns which values belong to a set, in few bits."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Gt, Lt

from raymill.flow import Answer, Kind, Port, Rows, Spec, State, Task, task
from raymill.flow.outcome import HELD
from raymill.tasks import bloom

_KINDS: dict[str, pa.DataType] = {
    "members": pa.int64(),
    "expected_insertions": pa.int64(),
    "false_positive_ratio": pa.float64(),
    "model": pa.string(),
}
RECORD = pa.schema(_KINDS)


@task(
    "bloom_filter_train",
    properties={
        "FILTER.BLOOM_FILTER_TRAIN.EXPECTED_INSERTIONS": "expected_insertions",
        "FILTER.BLOOM_FILTER_TRAIN.FALSEPOSITIVE_RATIO": "false_positive_ratio",
    },
)
@dataclass(frozen=True)
class BloomFilterTrain(Task):
    """Make a Bloom filter of all values of a field; `bloom_filter_check` uses it.

    RIoTBench's BloomFilterTrain. Holds every record and answers one at the end of input: `members`
    (values that were new when they came), `expected_insertions`, `false_positive_ratio`, and
    `model`, the filter as text. Any sink keeps it: `raymill run bloom_filter_train ids.csv --field
    source -o ids.bloom.jsonl`.

    expected_insertions: how many different values there will be; 20 million take 24 MB at 0.01.
    false_positive_ratio: how large a part of foreign values may pass when that many are in.

    >>> ids = [{"value": "s1"}, {"value": "s2"}, {"value": "s1"}]
    >>> [record] = BloomFilterTrain.declared.try_out(ids, expected_insertions=100)
    >>> record["members"], len(record["model"])
    (2, 216)
    """

    expected_insertions: Annotated[int, Ge(1)] = 20_000_000
    false_positive_ratio: Annotated[float, Gt(0), Lt(1)] = 0.01

    @cached_property
    def _shape(self) -> bloom.Shape:
        return bloom.shape(self.expected_insertions, self.false_positive_ratio)

    def spec(self) -> Spec:
        """Read one field; the state is the filter."""
        row = np.zeros(1, [("members", "i8"), ("words", "u8", self._shape.blocks * 8)])
        return Spec(
            reads={"value": Port(Kind.HASH)},
            adds=RECORD,
            scope="all",
            state=row,
            silent=True,
            flushes=True,
        )

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Put the values into the filter."""
        assert state is not None
        new = bloom.insert(rows["value"], state.table["words"][0], self._shape.probes)
        state.table["members"][0] += new
        nothing = {field.name: pa.nulls(0, field.type) for field in RECORD}
        return Answer(nothing, np.full(len(rows), HELD, np.uint8), np.empty(0, np.int64))

    def finish(self, state: State) -> Answer:
        """Answer the filter as one record."""
        members = int(state.table["members"][0])
        model = bloom.pack(state.table["words"][0], self._shape.probes)
        columns = {
            "members": pa.array([members]),
            "expected_insertions": pa.array([self.expected_insertions]),
            "false_positive_ratio": pa.array([self.false_positive_ratio]),
            "model": _text(model),
        }
        return Answer(columns, rows=np.zeros(1, np.int64))


def _text(text: bytes) -> Any:
    """One cell of text, however long, without a copy."""
    ends = pa.py_buffer(np.array([0, len(text)], np.int32).tobytes())
    return pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(text)])
