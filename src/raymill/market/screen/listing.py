"""What a screen can be asked for, as services and consoles list it."""

from collections.abc import Iterable
from typing import Any

from raymill.market.screen.fields import catalogue
from raymill.market.screen.operators import OPERATORS, operators_of
from raymill.market.screen.seed import FILTERS
from raymill.market.screen.stored import Custom


def listed_filters(stored: Iterable[Custom] = ()) -> list[dict[str, Any]]:
    """The filters with a name, those that users stored behind them with `custom`."""
    named = [
        {
            "id": one.name,
            "name": one.name,
            "description": one.text,
            "parameters": [one.low, one.high],
            "field": one.field,
        }
        for one in FILTERS.values()
    ]
    return named + [
        {
            "id": one.id,
            "name": one.name,
            "description": one.description,
            "parameters": [],
            "custom": True,
            "criteria": list(one.criteria),
            "version": one.version,
            "key_id": one.key_id,
        }
        for one in stored
    ]


def listed_fields() -> list[dict[str, Any]]:
    """Every field, with the operators that fit it."""
    return [
        {
            "id": one.name,
            "label": one.label,
            "description": one.text,
            "group": one.group,
            "type": one.type,
            "unit": one.unit,
            "operators": operators_of(one),
            "values": list(one.values),
            "nullable": one.nullable,
            "refresh": one.refresh,
            "source": one.source,
        }
        for one in catalogue().values()
    ]


def listed_operators() -> list[dict[str, Any]]:
    """Every operator."""
    return [
        {"id": one.name, "description": one.text, "types": list(one.types), "value": one.value}
        for one in OPERATORS.values()
    ]
