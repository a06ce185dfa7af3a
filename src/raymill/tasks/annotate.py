"""Records widened by what a table says about their key."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import ConfigError, InputError
from raymill.flow import Answer, Fail, Kind, Outside, Port, Rows, Spec, State, Task, task
from raymill.tasks.properties import Names, listed

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
    ...     Annotate.declared.try_out([{"value": "s1"}], file=file.name, names=["place", "kind"])
    [{'value': 's1', 'place': 'building4', 'kind': 'analog'}]
    """

    file: Annotated[str, Outside("file")]
    names: Names = ()
    unknown: Literal["empty", "fail"] = "empty"

    @cached_property
    def _table(self) -> tuple[Array, dict[str, Array]]:
        """The keys of the file, and the columns that it has for them."""
        lines = read_annotations(self.file)
        names = listed(self.names)
        width = max(map(len, lines.values()), default=0)
        if names and width > len(names):
            raise ConfigError(
                f"File `{self.file}` has {width} values for a key, not {len(names)}",
                hint=f"give {width} names",
            )
        names = names or tuple(f"annotation_{j + 1}" for j in range(width))
        rows = [values + [None] * (len(names) - len(values)) for values in lines.values()]
        keys: Array = pa.array(list(lines), pa.string())
        return keys, {
            n: pa.array([row[j] for row in rows], pa.string()) for j, n in enumerate(names)
        }

    def spec(self) -> Spec:
        """Read the key; add one text column for each value of a line."""
        adds: dict[str, pa.DataType] = dict.fromkeys(self._table[1], pa.string())
        return Spec(
            reads={"value": Port(Kind.TEXT, null=True)},
            adds=pa.schema(adds),
            outcomes=(UNKNOWN,) if self.unknown == "fail" else (),
        )

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Look the keys up, all at once."""
        keys, columns = self._table
        found = self._found(rows["value"], keys)
        code = None
        if self.unknown == "fail":
            code = arrow.to_numpy(arrow.is_null(found)).view(np.uint8)
        return Answer({name: arrow.take(column, found) for name, column in columns.items()}, code)

    @cached_property
    def _places(self) -> dict[str, int]:
        keys: Any = self._table[0].to_pylist()
        return {key: place for place, key in enumerate(keys)}

    def _found(self, values: Array, keys: Array) -> Array:
        """The place of each value in the table, null where it has none.

        Arrow hashes the whole table for each batch: a table larger than the batch is kept hashed.
        """
        if len(keys) <= len(values):
            return arrow.index_in(values, keys)
        different: Any = arrow.dictionary_encode(values)
        places = [self._places.get(text) for text in different.dictionary.to_pylist()]
        return arrow.take(pa.array(places, pa.int32()), different.indices)


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
