"""The operators of a criterion: which fields they fit, and which value they take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from raymill.market.screen.fields import ORDERED, TEXTS, Field, Type

Shape = Literal[
    "scalar", "ordered", "range", "list", "text", "pattern", "none", "cross", "distance", "rank"
]
EVERY: tuple[Type, ...] = (*TEXTS, *ORDERED)
NUMERIC: tuple[Type, ...] = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: the types of fields that it fits, and the shape of its value."""

    name: str
    text: str
    types: tuple[Type, ...]
    shape: Shape
    value: str  # as people read it

    def fits(self, field: Field) -> bool:
        """Whether it can be used on a field."""
        if self.shape == "cross" and not field.history:
            return False
        return field.type in self.types


_MEMBERS: tuple[Type, ...] = (*TEXTS, "integer", "list")
_ALL: tuple[Type, ...] = (*EVERY, "list")

_OPERATORS = (
    Operator("eq", "equal", EVERY, "scalar", "a value, or a field"),
    Operator("ne", "not equal; a null is neither", EVERY, "scalar", "a value, or a field"),
    Operator("gt", "above", ORDERED, "ordered", "a number or day, or a field"),
    Operator("gte", "not below", ORDERED, "ordered", "a number or day, or a field"),
    Operator("lt", "below", ORDERED, "ordered", "a number or day, or a field"),
    Operator("lte", "not above", ORDERED, "ordered", "a number or day, or a field"),
    Operator("between", "from one to another, both included", ORDERED, "range", "`[low, high]`"),
    Operator("not_between", "below the one or above the other", ORDERED, "range", "`[low, high]`"),
    Operator("in", "one of several", _MEMBERS, "list", "a list of 1 to 500"),
    Operator("not_in", "none of several", _MEMBERS, "list", "a list of 1 to 500"),
    Operator(
        "contains", "has this in it; a list has it as a member", (*TEXTS, "list"), "text", "a text"
    ),
    Operator("starts_with", "begins with", TEXTS, "text", "a text"),
    Operator(
        "matches",
        "the pattern is found in it; `^` and `$` anchor, `(?i)` ignores case",
        TEXTS,
        "pattern",
        "a pattern of RE2, at most 200 characters",
    ),
    Operator("is_null", "unknown", _ALL, "none", "none"),
    Operator("not_null", "known", _ALL, "none", "none"),
    Operator("crosses_above", "above now, not yesterday", NUMERIC, "cross", "a number, or a field"),
    Operator("crosses_below", "below now, not yesterday", NUMERIC, "cross", "a number, or a field"),
    Operator(
        "pct_above", "above by at least so many percent", NUMERIC, "distance", '`{"field", "pct"}`'
    ),
    Operator(
        "pct_below", "below by at least so many percent", NUMERIC, "distance", '`{"field", "pct"}`'
    ),
    Operator("top", "one of the n largest of the universe", NUMERIC, "rank", "n"),
    Operator("bottom", "one of the n smallest of the universe", NUMERIC, "rank", "n"),
    Operator(
        "percentile_gte",
        "above at least p percent of the others of the universe",
        NUMERIC,
        "rank",
        "p, 0 to 100",
    ),
)
OPERATORS: Mapping[str, Operator] = {one.name: one for one in _OPERATORS}


def operators_of(field: Field) -> list[str]:
    """The names of the operators that fit a field."""
    return [one.name for one in _OPERATORS if one.fits(field)]
