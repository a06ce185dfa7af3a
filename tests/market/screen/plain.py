"""A screen in plain Python over rows, one at a time, read from the text of the design: what the
screener is held against."""

import re
from datetime import UTC, date, datetime
from functools import cmp_to_key
from typing import Any

Row = dict[str, Any]
Rows = list[Row]

SEED = {
    "price_filter": ("price", "min_price", "max_price"),
    "volume_filter": ("volume", "min_volume", "max_volume"),
    "pe_ratio_filter": ("pe_ratio", "min_pe", "max_pe"),
}


def screened(rows: Rows, filters: list[Any], sort: list[dict[str, str]]) -> list[str]:
    """The keys of the rows that match, in order."""
    found = [row for row in rows if all(holds(one, row, rows) is True for one in filters)]
    return [row["instrument"] for row in sorted(found, key=cmp_to_key(by(sort)))]


def holds(node: Any, row: Row, rows: Rows) -> bool | None:
    """True, False, or None where it is unknown."""
    if "and" in node:
        found = [holds(one, row, rows) for one in node["and"]]
        return False if False in found else None if None in found else True
    if "or" in node:
        found = [holds(one, row, rows) for one in node["or"]]
        return True if True in found else None if None in found else False
    if "not" in node:
        found = holds(node["not"], row, rows)
        return None if found is None else not found
    if "type" in node:
        return _bounded(row, *SEED[node["type"]], node["parameters"])
    return _leaf(row, node["field"], node["operator"], node.get("value"), rows)


def _bounded(row: Row, field: str, low: str, high: str, given: Row) -> bool | None:
    value = row[field]
    if value is None:
        return None
    if given.get(low) is not None and value < given[low]:
        return False
    return given.get(high) is None or value <= given[high]


def _leaf(row: Row, field: str, operator: str, raw: Any, rows: Rows) -> bool | None:
    value = row[field]
    if operator == "is_null":
        return value is None
    if operator == "not_null":
        return value is not None
    if value is None:
        return None
    if operator in ("crosses_above", "crosses_below"):
        return _crosses(row, field, operator, raw)
    if operator in ("top", "bottom", "percentile_gte"):
        return _ranked(row, field, operator, raw, rows)
    if isinstance(raw, dict):
        other = row[raw["field"]]
        if other is None:
            return None
        if "pct" in raw:
            away = value - other if operator == "pct_above" else other - value
            return away >= raw["pct"] / 100 * abs(other)
        return _compared(value, operator, other)
    if isinstance(raw, list):
        return _compared(value, operator, [_read(one, value) for one in raw])
    return _compared(value, operator, _read(raw, value))


def _read(raw: Any, like: Any) -> Any:
    if isinstance(like, datetime):
        return datetime.fromisoformat(raw if len(raw) > 10 else f"{raw}T00:00:00+00:00").astimezone(
            UTC
        )
    return date.fromisoformat(raw) if isinstance(like, date) else raw


def _compared(value: Any, operator: str, other: Any) -> bool:
    match operator:
        case "eq":
            return value == other
        case "ne":
            return value != other
        case "gt":
            return value > other
        case "gte":
            return value >= other
        case "lt":
            return value < other
        case "lte":
            return value <= other
        case "between":
            return other[0] <= value <= other[1]
        case "not_between":
            return value < other[0] or value > other[1]
        case "in" if isinstance(value, list):
            return any(one in other for one in value)
        case "in":
            return value in other
        case "not_in":
            return not _compared(value, "in", other)
        case "contains":
            return other in value
        case "starts_with":
            return value.startswith(other)
        case "matches":
            return re.search(other, value) is not None
    raise AssertionError(operator)


def _crosses(row: Row, field: str, operator: str, raw: Any) -> bool | None:
    if isinstance(raw, dict):
        other, other_before = row[raw["field"]], row[f"{raw['field']}_yesterday"]
    else:
        other = other_before = raw
    value, before = row[field], row[f"{field}_yesterday"]
    if None in (value, before, other, other_before):
        return None
    if operator == "crosses_above":
        return value > other and before <= other_before
    return value < other and before >= other_before


def _ranked(row: Row, field: str, operator: str, raw: Any, rows: Rows) -> bool:
    known = [one for one in rows if one[field] is not None]
    if operator == "percentile_gte":
        below = sum(one[field] < row[field] for one in known)
        return below * 100 >= raw * (len(known) - 1)
    order = [{"field": field, "order": "desc" if operator == "top" else "asc"}]
    chosen = sorted(known, key=cmp_to_key(by(order)))[:raw]
    return any(one is row for one in chosen)


def by(sort: list[dict[str, str]]) -> Any:
    """Compares two rows: as asked, unknown last; the larger cap; the symbol; the key."""
    keys = [(one["field"], one.get("order", "asc")) for one in sort]
    keys += [("market_cap", "desc"), ("symbol", "asc"), ("instrument", "asc")]

    def compare(left: Row, right: Row) -> int:
        for field, order in keys:
            first, second = left[field], right[field]
            if first == second:
                continue
            if first is None or second is None:
                return 1 if first is None else -1
            return (1 if first > second else -1) * (-1 if order == "desc" else 1)
        return 0

    return compare
