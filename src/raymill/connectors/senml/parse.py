"""SenML records to columns: the kernels first, the library for what they leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.connectors.senml.fields import Layout, Type
from raymill.connectors.senml.library import BadRecord, Record, read_record
from raymill.connectors.senml.plan import Cells, Templates, frozen, names_of, new_cells, pack
from raymill.connectors.senml.scan import gather, scan, scan_rest
from raymill.connectors.senml.template import Template, learn
from raymill.connectors.text import is_utf8

MOST_TEMPLATES = 8
_CHUNK = 4096
_TRIES = 4
_RARE = 32  # a layout that fewer than one in so many records have is not worth a template


@dataclass(frozen=True, slots=True)
class Parsed:
    """Columns of records. Cells of a row that failed mean nothing."""

    time: NDArray[np.int64]
    columns: dict[str, Array]
    code: NDArray[np.uint8]  # of the reason that a row failed; 0: it did not
    details: Mapping[int, str] = field(default_factory=dict)  # of rows that failed


@dataclass(frozen=True)
class _Known:
    """The templates known at one moment."""

    templates: tuple[Template, ...]
    packed: Templates


class _Work:
    """One call: the records and the columns under construction."""

    def __init__(
        self, data: NDArray[np.uint8], starts: NDArray[Any], stops: NDArray[Any], layout: Layout
    ) -> None:
        self.data = frozen(data)
        self.starts = frozen(starts.astype(np.int32, copy=False))
        self.stops = frozen(stops.astype(np.int32, copy=False))
        self.layout = layout
        self.cells: Cells = new_cells(layout, len(starts))
        self.code = np.zeros(len(starts), np.uint8)
        self.times = np.zeros((len(layout.wanted), len(starts)), np.int64)
        self.timed = np.zeros((len(layout.wanted), len(starts)), np.bool_)
        self.extra = bytearray()
        self.details: dict[int, str] = {}

    def text(self, row: int) -> bytes:
        """The record of a row."""
        return self.data[self.starts[row] : self.stops[row]].tobytes()


class Parser:
    """Reads records of one layout and learns their templates; several threads may use it.

    What it answers depends on the records alone, never on which templates are known.
    """

    def __init__(self, layout: Layout, templates: int = MOST_TEMPLATES) -> None:
        self.layout = layout
        self.schema = layout.schema
        self._most = 0 if layout.element_time else templates
        self._names = names_of(layout)
        self._lock = Lock()
        self._known = self._pack(())

    def __reduce__(self) -> tuple[Any, ...]:
        return Parser, (self.layout, self._most)

    def _pack(self, templates: tuple[Template, ...]) -> _Known:
        return _Known(templates, pack(templates, len(self.layout.fields)))

    def parse(
        self, data: NDArray[np.uint8], starts: NDArray[Any], stops: NDArray[Any], *, utf8: bool
    ) -> Parsed:
        """Read the records that lie between `starts` and `stops` in `data`.

        `utf8`: all of it is known to be valid UTF-8; otherwise each text beyond ASCII is checked.
        """
        work = _Work(data, starts, stops, self.layout)
        count = len(starts)
        if self.layout.element_time:
            work.cells.missed[:] = 2
            left = 0
        else:
            left = self._scan(work, count, utf8)
        _settle_numbers(work, left)
        _settle_records(work, np.flatnonzero(work.cells.missed == 2))
        return Parsed(work.cells.time, _columns(work), work.code, work.details)

    def parse_texts(self, texts: Array) -> Parsed:
        """Read the records of a text column without nulls."""
        if not pa.types.is_string(texts.type):
            texts = texts.cast(pa.string())
        _, offsets, data = texts.buffers()
        ends = np.frombuffer(cast(Any, offsets), np.int32)[
            texts.offset : texts.offset + len(texts) + 1
        ]
        content = np.frombuffer(cast(Any, data), np.uint8) if data else np.empty(0, np.uint8)
        content = content[: ends[-1]]
        utf8 = is_utf8(content[ends[0] :])
        return self.parse(content, ends[:-1], ends[1:], utf8=utf8)

    def _scan(self, work: _Work, count: int, utf8: bool) -> int:
        left = 0
        if not self._known.templates and count:
            self._learn(work, range(min(count, _TRIES)), None)
        for begin in range(0, count, _CHUNK):
            end = min(begin + _CHUNK, count)
            known = self._known
            hits = np.zeros(max(len(known.templates), 1), np.int64)
            left = scan(
                work.data, work.starts, work.stops, begin, end,
                self._names, known.packed, work.cells, hits, left, utf8,
            )  # fmt: skip
            missed = begin + np.flatnonzero(work.cells.missed[begin:end])
            if len(missed):
                left = scan_rest(
                    work.data, work.starts, work.stops, missed,
                    self._names, work.cells, left, utf8, self.layout.rfc,
                )  # fmt: skip
            if len(missed) * _RARE > end - begin:
                self._learn(work, missed[:_TRIES].tolist(), hits[: len(known.templates)])
        return left

    def _learn(self, work: _Work, rows: Sequence[int], hits: NDArray[np.int64] | None) -> None:
        if not self._most:
            return
        found = [learn(work.text(row), self.layout) for row in rows]
        with self._lock:
            templates = self._known.templates
            if hits is not None and len(hits) == len(templates) == self._most:
                templates = tuple(t for t, hit in zip(templates, hits, strict=True) if hit)
            new = dict.fromkeys(t for t in found if t is not None and t not in templates)
            chosen = (*templates, *new)[: self._most]
            if chosen != self._known.templates:
                self._known = self._pack(chosen)


def _settle_numbers(work: _Work, left: int) -> None:
    """Let the library read the numbers that need more than one rounding."""
    if not left:
        return
    row, place, start, length = work.cells.inexact[:left].T
    texts = texts_at(work.data, b"", np.ascontiguousarray(start), np.ascontiguousarray(length))
    values = arrow.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
    work.cells.numbers[place, row] = values
    work.cells.missed[row[~np.isfinite(values)]] = 2


def _settle_records(work: _Work, rows: NDArray[np.intp]) -> None:
    """Let the library read the records that no kernel read."""
    if not len(rows):
        return
    empty = Record(0, (None,) * len(work.layout.wanted))
    records = []
    for row, start, stop in zip(
        rows.tolist(), work.starts[rows].tolist(), work.stops[rows].tolist(), strict=True
    ):
        try:
            records.append(read_record(work.data[start:stop].tobytes(), work.layout))
        except BadRecord as error:
            work.code[row] = error.code
            work.details[row] = error.detail
            records.append(empty)
    work.cells.time[rows] = [record.time for record in records]
    _settle_values(work, rows, list(zip(*(record.values for record in records), strict=True)))
    if work.layout.element_time:
        for row, record in zip(rows.tolist(), records, strict=True):
            for number, time in enumerate(record.times):
                work.timed[number, row] = time is not None
                work.times[number, row] = time or 0


def _settle_values(work: _Work, rows: NDArray[np.intp], columns: list[tuple[Any, ...]]) -> None:
    places = {Type.NUMBER: 0, Type.TEXT: 0}
    for each, values in zip(work.layout.wanted, columns, strict=True):
        place = places[each.type]
        places[each.type] += 1
        if each.type is Type.NUMBER:
            work.cells.valid[place, rows] = [value is not None for value in values]
            work.cells.numbers[place, rows] = [0.0 if value is None else value for value in values]
            continue
        texts = [None if value is None else value.encode() for value in values]
        lengths = [-1 if text is None else len(text) for text in texts]
        begins = np.cumsum([0, *(max(length, 0) for length in lengths)])[:-1] + len(work.extra)
        work.cells.starts[place, rows] = -1 - begins
        work.cells.lengths[place, rows] = lengths
        work.extra += b"".join(filter(None, texts))


def _columns(work: _Work) -> dict[str, Array]:
    places = {Type.NUMBER: 0, Type.TEXT: 0}
    columns: dict[str, Array] = {}
    for number, each in enumerate(work.layout.wanted):
        place = places[each.type]
        places[each.type] += 1
        if each.type is Type.NUMBER:
            columns[each.name] = _numbers(work.cells.numbers[place], work.cells.valid[place])
        else:
            starts, lengths = work.cells.starts[place], work.cells.lengths[place]
            columns[each.name] = texts_at(work.data, bytes(work.extra), starts, lengths)
        if work.layout.element_time:
            columns[f"{each.name}_time"] = pa.array(work.times[number], mask=~work.timed[number])
    return columns


def _numbers(values: NDArray[np.float64], valid: NDArray[np.uint8]) -> Array:
    if valid.all():
        return pa.array(values)
    return pa.array(values, mask=valid == 0)


def texts_at(
    data: NDArray[np.uint8],
    extra: bytes,
    starts: NDArray[np.int32],
    lengths: NDArray[np.int32],
) -> Array:
    """Gather a text column; a length below 0 is null, a start below 0 counts back into `extra`."""
    null = lengths < 0
    some = bool(null.any())
    offsets = np.zeros(len(starts) + 1, np.int32)
    np.cumsum(np.where(null, 0, lengths) if some else lengths, out=offsets[1:])
    out = np.empty(int(offsets[-1]) + 8, np.uint8)
    gather(data, frozen(np.frombuffer(extra, np.uint8)), frozen(starts), frozen(lengths), out)
    return pa.StringArray.from_buffers(
        len(starts),
        pa.py_buffer(offsets.data),
        pa.py_buffer(out[: offsets[-1]].data),
        pa.array(~null).buffers()[1] if some else None,
        int(null.sum()) if some else 0,
    )
