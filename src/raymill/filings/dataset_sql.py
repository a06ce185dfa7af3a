"""The views of the dataset for DuckDB; they say the same as `versions` does in Python."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from raymill.state.lake import Lake, LakeTable
from raymill.state.lake_sql import lock, opened

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Of one filing that reports a number several times, the report with the most decimals.
_NEWEST = """
QUALIFY row_number() OVER (
  PARTITION BY cik, taxonomy, concept, coalesce(dims, MAP {}), unit, start, "end"
  ORDER BY filed DESC NULLS LAST, accession DESC NULLS LAST,
    CASE WHEN value IS NULL THEN -2 WHEN is_exact THEN 1 WHEN decimals IS NULL THEN -1 ELSE 0 END
      DESC,
    decimals DESC NULLS LAST, seq
) = 1"""
_VIEWS = (
    f"CREATE VIEW latest AS SELECT * FROM facts {_NEWEST}",
    f"CREATE MACRO as_of(day) AS TABLE SELECT * FROM facts WHERE filed <= day {_NEWEST}",
)


@contextmanager
def connected(
    lake: Lake, table: LakeTable, filings: Callable[[], pa.Table]
) -> Iterator["DuckDBPyConnection"]:
    """A connection with the views `facts`, `latest`, `filings` and the macro `as_of(day)`."""
    with opened(lake, table) as connection:
        for statement in _VIEWS:
            connection.execute(statement)
        connection.register("filings", filings())
        lock(lake, connection)
        yield connection
