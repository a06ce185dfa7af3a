"""Records widened by what a table says about their key."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import ConfigError, InputError
from raymill.flow import Answer, Fail, Kind, Port, Rows, Spec, State, Task, task

UNKNOWN = Fail("key is not in the annotation file")


@task("annotate", properties={"ANNOTATE.ANNOTATE_FILE_PATH": "file"})
@dataclass(frozen=True)
class Annotate(Task):
    """Add to each record what a file says about its key, as text columns.

    RIoTBench's Annotate. Each line of the file is `key:value,value,...`; the key ends at the first
    colon, and of two lines with one key the later holds. A line with fewer values than others
    leaves the last columns null.

    file: the annotation file, UTF-8.
    names: what the added columns are called; `annotation_1`, `annotation_2`, ... unless given.
    unknown: a key that the file does not have gets null columns (`empty`), or its record fails
        (`fail`).

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    ...     _ = file.write("s1:building4,analog\\n"), file.flush()
    ...     Annotate.declared.try_out([{"key": "s1"}], file=file.name, names=["place", "kind"])
    [{'key': 's1', 'place': 'building4', 'kind': 'analog'}]
    """

    file: str
    names: tuple[str, ...] = ()
    unknown: Literal["empty", "fail"] = "empty"

    @cached_property
    def _table(self) -> tuple[Array, list[Array]]:
        lines = read_annotations(self.file)
        width = max(map(len, lines.values()), default=0)
        if self.names and width > len(self.names):
            raise ConfigError(
                f"File `{self.file}` has {width} values for a key, not {len(self.names)}",
                hint=f"give {width} names",
            )
        width = len(self.names) or width
        rows = [values + [None] * (width - len(values)) for values in lines.values()]
        columns: list[Array] = [
            pa.array([row[j] for row in rows], pa.string()) for j in range(width)
        ]
        keys: Array = pa.array(list(lines), pa.string())
        return keys, columns

    @cached_property
    def _columns(self) -> list[str]:
        return list(self.names) or [f"annotation_{j + 1}" for j in range(len(self._table[1]))]

    def spec(self) -> Spec:
        """Read the key; add one text column for each value of a line."""
        return Spec(
            reads={"key": Port(Kind.TEXT, null=True)},
            adds=pa.schema([(name, pa.string()) for name in self._columns]),
            outcomes=(UNKNOWN,) if self.unknown == "fail" else (),
        )

    def open(self) -> None:
        """Load the file."""
        _ = self._table

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Look the keys up, all at once."""
        keys, columns = self._table
        found = arrow.index_in(rows["key"], keys)
        code = None
        if self.unknown == "fail":
            code = arrow.to_numpy(arrow.is_null(found)).view(np.uint8)
        added = zip(self._columns, columns, strict=True)
        return Answer({name: arrow.take(column, found) for name, column in added}, code)


def read_annotations(path: str) -> dict[str, list[str | None]]:
    """Read lines of `key:value,value,...`. Raises InputError that names file and line."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"Annotation file `{path}` cannot be read: {error}",
            hint="name one with --set file=FILE",
        ) from error
    found: dict[str, list[str | None]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        key, colon, values = line.partition(":")
        if colon:
            found[key] = list(values.split(","))
        elif line.strip():
            raise InputError(
                f"File `{path}`, line {number} has no colon: {line[:80]!r}",
                hint="write key:value,value",
            )
    return found
