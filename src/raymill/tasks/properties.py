"""What texts in RIoTBench's `.properties` files mean where several tasks share the meaning."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Names: TypeAlias = tuple[str, ...] | str
"""Names as a list, or as text with commas."""


def listed(names: Names) -> tuple[str, ...]:
    """Cut a comma list into names; blanks and a trailing comma are no names.

    >>> listed("temperature, humidity,")
    ('temperature', 'humidity')
    """
    if not isinstance(names, str):
        return tuple(names)
    return tuple(name for name in (part.strip() for part in names.split(",")) if name)


def fields(text: str) -> Mapping[str, Any]:
    """Bind the input to the fields that a `USE_MSG_FIELD` key names.

    The original also writes numbers there: a position in its rows, or 0 and -1 for its benchmark
    mode on random input. A number names no column, so it binds nothing.

    >>> fields("temperature,light")
    {'field': ['temperature', 'light']}
    >>> fields("-1")
    {}
    """
    names = listed(text)
    if not names or all(_is_number(name) for name in names):
        return {}
    return {"field": list(names)}


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdigit()
