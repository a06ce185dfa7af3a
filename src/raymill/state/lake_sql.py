"""DuckDB over the files of the lake: a view for each table, all of one snapshot."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from raymill.errors import ConfigError
from raymill.state.lake import Lake, LakeTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Nothing is fetched from elsewhere, and no name of a Python variable is taken for a table.
SETTINGS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "TimeZone": "'UTC'",
}


@contextmanager
def opened(lake: Lake, *tables: LakeTable) -> Iterator["DuckDBPyConnection"]:
    """A connection with a view for each table; the snapshot is held until the block ends."""
    import duckdb

    with (
        lake.hold() as snapshot,
        TemporaryDirectory(prefix="raymill-sql-") as aside,
        duckdb.connect(config={"temp_directory": aside}) as connection,
    ):
        for name, value in SETTINGS.items():
            connection.execute(f"SET {name}={value}")
        for table in tables:
            _view(lake, table, snapshot, connection)
        yield connection


def lock(lake: Lake, connection: "DuckDBPyConnection") -> None:
    """Let whoever writes the questions see no file but those of the lake, and change no setting."""
    folder = str(lake.folder.absolute()).replace("'", "''")
    connection.execute(f"SET allowed_directories=['{folder}/']")
    connection.execute("SET enable_external_access=false")
    connection.execute("SET lock_configuration=true")


def ask(connection: "DuckDBPyConnection", question: str) -> pa.RecordBatchReader:
    """Answer one SELECT of somebody else's. Raises ConfigError where it is something else."""
    import duckdb

    try:
        statements = connection.extract_statements(question)
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise ConfigError(
                "Only one SELECT can be answered", hint="SELECT * FROM facts LIMIT 10"
            )
        reader: pa.RecordBatchReader = connection.sql(question).to_arrow_reader()
    except duckdb.Error as error:
        raise _refusal(error) from error
    make: Any = pa.RecordBatchReader.from_batches
    answer: pa.RecordBatchReader = make(reader.schema, _read(reader))
    return answer


def _read(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    import duckdb

    try:
        yield from reader
    except (duckdb.Error, pa.ArrowException) as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> ConfigError:
    reason = str(error).split("\n\nLINE")[0].strip()
    return ConfigError(f"The question cannot be answered: {reason}")


def _view(lake: Lake, table: LakeTable, snapshot: int, connection: "DuckDBPyConnection") -> None:
    empty: Any = connection.from_arrow(table.schema.empty_table())
    paths = lake.paths(lake.files(table, snapshot=snapshot))
    if not paths:
        empty.create_view(table.name)
        return
    rows: Any = connection.read_parquet(paths, union_by_name=True, hive_partitioning=False)
    columns = _columns(table.schema.names, empty.types, rows.columns)
    rows.project(columns).create_view(table.name)


def _columns(names: Sequence[str], types: Sequence[object], there: Sequence[str]) -> str:
    """The columns of a table; null where no file has one yet."""
    cells = (
        f'"{name}"' if name in there else f'NULL::{kind} AS "{name}"'
        for name, kind in zip(names, types, strict=True)
    )
    return ", ".join(cells)
