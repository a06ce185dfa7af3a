"""CSV: a header row, then one record a line; types are those of the first megabyte."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from raymill.connectors.columns import choose
from raymill.connectors.csv_records import QuoteCut, find_records
from raymill.connectors.csv_table import NOT_CLOSED, Form, infer_sample, read_block, shift
from raymill.connectors.csv_types import infer, named_type
from raymill.connectors.files import bare_name
from raymill.connectors.text import NOTHING, UNIT, Bytes, Text, count_lines, open_text
from raymill.errors import ConfigError, DataError, InputError, unknown
from raymill.flow.source import Block, Piece

_QUOTE = 34
_PEEK = 1 << 16
_MULTILINE_HINT = (
    "line breaks in quotes begin behind the part that was looked at: give multiline=True"
)


@dataclass(frozen=True, slots=True)
class _Look:
    """What the first look at the files told."""

    form: Form
    begins: tuple[int, ...]  # where the records of each file begin


class CsvSource:
    """The records of CSV files or of standard input.

    `delimiter` is a comma (a tab for `.tsv`). `header=False` says that there is no header row, and
    `columns` then names the columns (default `column_1`, ...). `types` fixes the type of columns
    (`int64`, `double`, `string`) that the first megabyte would tell wrong. An empty cell of a
    number column is null. A record with too few or many columns, or with a cell that does not fit
    its column's type, is rejected.

    Quoted text may hold line breaks, so files with a quote at the beginning are read in order.
    `multiline=False` promises that there are none, and lets all workers read; a record with an open
    quote is then rejected. `multiline=True` is for files whose first quote comes later.
    """

    def __init__(
        self,
        paths: tuple[str, ...],
        *,
        delimiter: str | None = None,
        header: bool = True,
        columns: Sequence[str] | None = None,
        types: Mapping[str, str] | None = None,
        multiline: bool | None = None,
        unit: int = UNIT,
    ) -> None:
        self._text = open_text(paths, unit=unit)
        self.names = self._text.names
        self.resumable = self._text.resumable
        self._delimiter = delimiter or _usual_delimiter(self.names[0])
        if len(self._delimiter.encode()) != 1 or self._delimiter in '"\r\n':
            raise ConfigError(f"Delimiter `{self._delimiter}` is not one plain character")
        if columns and header:
            raise ConfigError("`columns` names the columns of files without header: header=False")
        self._header, self._given_names = header, tuple(columns or ())
        self._types = {name: named_type(kind) for name, kind in (types or {}).items()}
        self._multiline = multiline
        self._seen: _Look | None = None
        self._columns: frozenset[str] | None = None

    def schema(self) -> pa.Schema:
        """The columns; their types are told by the first megabyte."""
        return choose(self._look().form.chosen, self._columns)

    def select(self, columns: frozenset[str] | None) -> "CsvSource":
        """Make only these columns: others are cut but not converted."""
        choose(self._look().form.chosen, columns)
        narrow = copy(self)
        narrow._columns = columns
        return narrow

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The pieces in order."""
        self._look()
        return self._text.pieces(first)

    def read(self, piece: Piece) -> Iterator[Block]:
        """One block: the records that start in the piece."""
        look = self._look()
        text = self._text.text(piece)
        header = min(max(look.begins[piece.file] - text.start, 0), len(text.data))
        above = count_lines(text.data[:header])
        block = read_block(text.data[header:], replace(look.form, chosen=self.schema()))
        block = shift(block, above, text.size_bytes)
        if self._multiline is None and not look.form.multiline:
            self._refuse_open_quotes(block, piece, text)
        yield block

    def identity(self) -> Mapping[str, Any]:
        """The files, the unit and the options."""
        return {
            "format": "csv",
            **self._text.identity(),
            "delimiter": self._delimiter,
            "header": self._header,
            "columns": list(self._given_names),
            "types": {name: str(kind) for name, kind in self._types.items()},
            "multiline": self._multiline,
        }

    def size_bytes(self) -> int | None:
        """The sizes of the files."""
        return self._text.size_bytes()

    def _refuse_open_quotes(self, block: Block, piece: Piece, text: Text) -> None:
        for reject in block.rejects:
            if reject.reason == NOT_CLOSED:
                name = self.names[piece.file]
                line = self._text.lines_before(piece.file, text.start) + reject.line + 1
                problem = f"A quote in line {line} of `{name}` is not closed on its line"
                raise DataError(problem, hint=_MULTILINE_HINT, file=name, line=line)

    def _look(self) -> _Look:
        if self._seen is None:
            self._seen = self._first_look()
        return self._seen

    def _first_look(self) -> _Look:
        heads = [self._text.head(0)]
        heads += [self._text.head(file, _PEEK) for file in range(1, len(self.names))]
        multiline = self._multiline
        if multiline is None:
            quoted = any(bool((head.data == _QUOTE).any()) for head in heads)
            multiline = quoted or not self._text.resumable
        if multiline:
            self._text = self._text.in_order(QuoteCut(self._delimiter))
        names: tuple[str, ...] = ()
        begins, sample = [], NOTHING
        for head, file in zip(heads, self.names, strict=True):
            found, end = self._first_row(head.data, file, multiline)
            _check_same(names or found, found or names, self.names[0], file)
            names = names or found
            begins.append(head.start + end)
            sample = sample if len(sample) else head.data[end:]
        form = Form(names, self._delimiter, multiline, pa.schema([(n, pa.string()) for n in names]))
        return _Look(replace(form, chosen=self._typed(sample, form)), tuple(begins))

    def _first_row(self, data: Bytes, file: str, multiline: bool) -> tuple[tuple[str, ...], int]:
        """The names of the columns of a file, and where its records begin."""
        records = find_records(data, self._delimiter, multiline=multiline)
        if not len(records):
            return self._given_names, 0
        try:
            row = io.StringIO(records.raw(data, 0).decode(), newline="")
            cells = next(csv.reader(row, delimiter=self._delimiter))
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"The first row of `{file}` cannot be read: {error}") from error
        numbered = tuple(f"column_{at + 1}" for at in range(len(cells)))
        if not self._header:
            return self._given_names or numbered, 0
        names = tuple(cell.strip() or number for cell, number in zip(cells, numbered, strict=True))
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"`{file}` has two columns named `{name}`")
        return names, int(records.ends[0])

    def _typed(self, sample: Bytes, form: Form) -> pa.Schema:
        for name in self._types:
            if name not in form.names:
                raise unknown("column", name, form.names)
        columns = zip(form.names, infer_sample(sample, form), strict=True)
        return pa.schema([(name, self._types.get(name) or infer(cells)) for name, cells in columns])


def _usual_delimiter(name: str) -> str:
    return "\t" if bare_name(name).lower().endswith(".tsv") else ","


def _check_same(expected: tuple[str, ...], found: tuple[str, ...], first: str, file: str) -> None:
    if len(expected) != len(found):
        problem = f"`{file}` has {len(found)} columns where `{first}` has {len(expected)}"
        raise InputError(problem)
    for left, right in zip(expected, found, strict=True):
        if left != right:
            raise InputError(f"`{file}` has column `{right}` where `{first}` has `{left}`")
