"""Which columns a source makes."""

import pyarrow as pa

from raymill.errors import InputError, unknown


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


def check_same(expected: pa.Schema | None, found: pa.Schema, first: str, file: str) -> pa.Schema:
    """Check that a further file has the columns of the first. Raises InputError."""
    if expected is None or expected.equals(found):
        return found
    for name in expected.names:
        if name not in found.names:
            raise InputError(f"`{file}` has no column `{name}`, which `{first}` has")
    for field in found:
        if field.name not in expected.names:
            raise InputError(f"`{file}` has a column `{field.name}`, which `{first}` has not")
        kind = expected.field(field.name).type
        if field.type != kind:
            problem = f"column `{field.name}` is {field.type} in `{file}` but {kind} in `{first}`"
            raise InputError(problem[0].upper() + problem[1:])
    if expected.names != found.names:
        raise InputError(f"`{file}` has the columns of `{first}` in another order")
    return expected
