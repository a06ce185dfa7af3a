"""Tables of universes made of rows, for tests."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from raymill.market.screen.fields import kinds
from raymill.market.screen.request import parse_request
from raymill.market.screen.screener import Answer, Screener
from raymill.market.screen.snapshot import Snapshot

AS_OF = datetime(2026, 1, 2, 21, 0, tzinfo=UTC)
NOW = datetime(2026, 1, 2, 21, 1, tzinfo=UTC)


def universe(*rows: dict[str, Any], as_of: datetime = AS_OF) -> Snapshot:
    """A snapshot of rows; what a row does not say is unknown."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: pa.array([row.get(name) for row in rows], kinds()[name]) for name in names}
    return Snapshot.of(pa.table(columns), as_of)


def column(name: str, *values: Any, **others: Any) -> Snapshot:
    """A snapshot of one column, whose rows are called A, B, C ..."""
    rows = [{"symbol": chr(65 + at), name: value} for at, value in enumerate(values)]
    for at, row in enumerate(rows):
        row |= {other: cells[at] for other, cells in others.items()}
    return universe(*rows)


def screen(snapshot: Snapshot, *filters: Any, **how: Any) -> Answer:
    """What a request finds."""
    return Screener(snapshot).screen(parse_request({"filters": list(filters), **how}), NOW)


def symbols(snapshot: Snapshot, *filters: Any, **how: Any) -> str:
    """The symbols that a request finds, in order, as one word."""
    return "".join(row["symbol"] for row in screen(snapshot, *filters, **how).stocks)


def criterion(field: str, operator: str, *value: Any) -> dict[str, Any]:
    """A condition on one field."""
    found = {"field": field, "operator": operator}
    return found | ({"value": value[0]} if value else {})
