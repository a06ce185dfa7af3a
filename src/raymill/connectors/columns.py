"""Which columns a source makes."""

import pyarrow as pa

from raymill.errors import unknown


def choose(schema: pa.Schema, columns: frozenset[str] | None) -> pa.Schema:
    """The fields that are asked for, in input order; the first if none is, to count rows.

    Raises UnknownName with near matches.
    """
    if columns is None:
        return schema
    for name in sorted(columns):
        if name not in schema.names:
            raise unknown("column", name, schema.names)
    chosen = [field for field in schema if field.name in columns]
    return pa.schema(chosen or list(schema)[:1])
