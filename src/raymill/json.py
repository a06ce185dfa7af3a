"""The one door to JSON: a fast library behind two functions."""

from typing import Any

import orjson

JSONError = orjson.JSONDecodeError


def loads(text: str | bytes | memoryview) -> Any:
    """Read one JSON value. Raises `JSONError` (a `ValueError`)."""
    return orjson.loads(text)


def made(text: bytes) -> Any:
    """JSON that is there already, to lie in a value for `dumps` as it is.

    >>> dumps({"rows": made(b"[1]")})
    b'{"rows":[1]}'
    """
    return orjson.Fragment(text)


def dumps(value: Any, *, indent: bool = False, strict: bool = False) -> bytes:
    """Write one JSON value as UTF-8 bytes; numpy values are allowed, NaN becomes null.

    What JSON has no form for becomes its text; with `strict` it is a TypeError.
    """
    option = orjson.OPT_SERIALIZE_NUMPY | (orjson.OPT_INDENT_2 if indent else 0)
    return orjson.dumps(value, option=option, default=None if strict else str)
