"""Reading SenML-CSV, the wire form of RIoTBench's streams: lines of `epoch_ms,{SenML JSON}`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from raymill.arrow import Array, take_rows
from raymill.connectors.senml.fields import Field, Layout, Unknown, learn_fields, read_fields
from raymill.connectors.senml.library import BadRecord, read_elements, reasons
from raymill.connectors.senml.lines import GOOD, REASONS, Lines, take_apart
from raymill.connectors.senml.parse import Parsed, Parser, texts_at
from raymill.connectors.text import Bytes, TextDoor, open_text, set_apart_invalid
from raymill.errors import ConfigError, InputError
from raymill.flow.source import Block, Piece, Reject

TIME, RAW = "ts", "senml"
_SAMPLE = 1000


class SenmlCsv:
    """Records with a column `ts` (epoch ms), one column per element name, and `senml`, their text.

    The elements are learned from the first lines, or given by `fields` (`name` or `name:text`).
    Only selected columns are made; an element that is not selected is only checked to be JSON, and
    if none is selected, the text is not looked at. `unknown="drop"` passes over elements that were
    not learned, instead of failing their records. `rfc` puts the base name before each name,
    `element_time` adds a column `NAME_time`, the time of each element.
    """

    quiet = frozenset({RAW})  # made only where a task asks for it

    def __init__(
        self,
        paths: tuple[str, ...],
        *,
        fields: str | Sequence[str] = (),
        unknown: Unknown = "fail",
        rfc: bool = False,
        element_time: bool = False,
    ) -> None:
        if unknown not in ("fail", "drop"):
            raise ConfigError(f"`unknown` cannot be {unknown!r}", hint="fail or drop")
        self._door: TextDoor = open_text(tuple(paths))
        self.names = self._door.names
        self.resumable = self._door.resumable
        self._options: dict[str, Any] = {
            "unknown": unknown,
            "rfc": rfc,
            "element_time": element_time,
        }
        self._fields = read_fields(fields)
        self._layout: Layout | None = None
        self._chosen: frozenset[str] | None = None  # None: everything there is
        self._parser: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_parser": None}

    def schema(self) -> pa.Schema:
        """Open the input and say which columns there are. Raises InputError."""
        columns = [pa.field(TIME, pa.int64()), pa.field(RAW, pa.string()), *self._opened().schema]
        return pa.schema([column for column in columns if self._makes(column.name)])

    def select(self, columns: frozenset[str] | None) -> "SenmlCsv":
        """Return a source that makes only these columns (None: all but the text)."""
        chosen = frozenset({TIME, *self._opened().schema.names}) if columns is None else columns
        other = copy(self)
        other._chosen, other._parser = chosen, None
        return other

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """Give the pieces in order, from number `first` on."""
        return self._door.pieces(first)

    def read(self, piece: Piece) -> Iterator[Block]:
        """Load one piece."""
        text = self._door.text(piece)
        data, rejects = set_apart_invalid(text.data)
        lines = take_apart(data)
        refused = [*rejects]
        if lines.state.any():
            refused += [
                _reject(data, lines, row, REASONS[int(lines.state[row])])
                for row in np.flatnonzero(lines.state).tolist()
            ]
            lines = lines.take(np.flatnonzero(lines.state == GOOD))
        parsed = self._parse(data, lines)
        batch = self._batch(data, lines, parsed)
        if parsed is not None and parsed.code.any():
            refused += self._refused(data, lines, parsed)
            good = np.flatnonzero(parsed.code == 0)
            batch, lines = take_rows(batch, good), lines.take(good)
        refused.sort(key=lambda each: each.line)
        place = lines.line if len(lines.line) < lines.span else None
        yield Block(batch, lines.span, place, tuple(refused), text.size_bytes)

    def identity(self) -> Mapping[str, Any]:
        """What must be the same for a resume: files, fields, options."""
        fields = [str(field) for field in self._opened().fields]
        return {**self._door.identity(), "format": "senml-csv", "fields": fields, **self._options}

    def size_bytes(self) -> int | None:
        """Total input size in bytes, where known."""
        return self._door.size_bytes()

    def _makes(self, name: str) -> bool:
        return self._chosen is None or name in self._chosen

    def _opened(self) -> Layout:
        if self._layout is None:
            fields = self._fields or self._learn()
            for field in fields:
                if field.name in (TIME, RAW):
                    raise InputError(
                        f"`{self.names[0]}` has an element `{field.name}`, as a column is called",
                        hint="read it as lines and use senml_parse",
                    )
            self._layout = Layout(fields, **self._options)
        return self._layout

    def _learn(self) -> tuple[Field, ...]:
        for file in range(len(self.names)):
            data, _ = set_apart_invalid(self._door.head(file).data)
            lines = take_apart(data)
            texts = (data[a:b].tobytes() for a, b in zip(lines.starts, lines.stops, strict=True))
            found = learn_fields(_elements(islice(texts, _SAMPLE), bool(self._options["rfc"])))
            if found:
                return found
        return ()

    def _parse(self, data: Bytes, lines: Lines) -> Parsed | None:
        layout = self._opened()
        names = {each.name for each in layout.fields if self._makes_any(each.name)}
        if not names:
            return None
        if self._parser is None:
            self._parser = Parser(layout.choose(names))
        parser: Parser = self._parser
        return parser.parse(data, lines.starts, lines.stops, utf8=True)

    def _makes_any(self, name: str) -> bool:
        timed = bool(self._options["element_time"]) and self._makes(f"{name}_time")
        return timed or self._makes(name)

    def _batch(self, data: Bytes, lines: Lines, parsed: Parsed | None) -> pa.RecordBatch:
        columns: dict[str, Array] = {TIME: pa.array(lines.time)}
        if self._makes(RAW):
            columns[RAW] = texts_at(data, b"", lines.starts, lines.stops - lines.starts)
        if parsed is not None:
            columns.update(parsed.columns)
        schema = self.schema()
        return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)

    def _refused(self, data: Bytes, lines: Lines, parsed: Parsed) -> list[Reject]:
        known = reasons(self._opened())
        found = []
        for row in np.flatnonzero(parsed.code).tolist():
            reason = known[int(parsed.code[row]) - 1].reason
            detail = parsed.details.get(row)
            found.append(_reject(data, lines, row, f"{reason}: {detail}" if detail else reason))
        return found


def _reject(data: Bytes, lines: Lines, row: int, reason: str) -> Reject:
    text = data[lines.heads[row] : lines.stops[row]].tobytes().decode()
    return Reject(int(lines.line[row]), reason, text)


def _elements(texts: Iterable[bytes], rfc: bool) -> Iterator[Any]:
    for text in texts:
        try:
            yield read_elements(text, rfc)[1]
        except BadRecord:
            continue
