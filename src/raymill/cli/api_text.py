"""Any answer of the HTTP API as text for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from raymill import json
from raymill.cli.report import plain_lines

WIDE = 60  # what stands in a cell; --json shows the whole


def lines(whole: Any) -> Iterator[str]:
    """An answer without its envelope: a table for a list of objects, else names and values.

    >>> list(lines({"status": "success", "result": {"id": 1, "rows": [{"a": 1, "b": None}]}}))
    ['id  1', '', 'rows', 'a  b', '1']
    """
    value = _inside(whole)
    if isinstance(value, Mapping):
        yield from _object(value)
    elif _is_table(value):
        yield from _table(value)
    elif isinstance(value, list):
        yield from map(_cell, value)
    else:
        yield _cell(value)


def _inside(whole: Any) -> Any:
    if isinstance(whole, Mapping) and whole.get("status") == "success":
        rest = [name for name in whole if name not in ("status", "simulated")]
        if len(rest) == 1:
            return whole[rest[0]]
    return whole


def _object(value: Mapping[str, Any]) -> Iterator[str]:
    tables = {name: one for name, one in value.items() if _is_table(one)}
    rest = {name: one for name, one in value.items() if name not in tables}
    width = max(map(len, rest), default=0)
    for name, one in rest.items():
        yield f"{name:<{width}}  {_cell(one, None)}".rstrip()
    for name, rows in tables.items():
        yield from ("", name)
        yield from _table(rows)


def _table(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    yield from plain_lines(names, cells, len(names))


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _cell(value: Any, wide: int | None = WIDE) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value).decode()
    return text if wide is None or len(text) <= wide else f"{text[: wide - 1]}…"
