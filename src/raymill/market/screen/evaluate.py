"""Whether conditions hold, over all rows of a snapshot at once.

What is unknown neither holds nor fails, as in SQL: `not` of a condition on a null does not hold
either. So `not` is carried down to the conditions, each of which can say where it holds and where
it fails.
"""

import operator
from collections.abc import Callable
from functools import reduce

import numpy as np

from raymill import arrow
from raymill.errors import ConfigError
from raymill.market.screen.columns import Mask, Numbers
from raymill.market.screen.fields import TEXTS, catalogue
from raymill.market.screen.refusals import refusal
from raymill.market.screen.request import Sort
from raymill.market.screen.snapshot import Snapshot
from raymill.market.screen.tree import Leaf, Node, Other, leaves

Compare = Callable[[Numbers, Numbers | float], Mask]
_COMPARE: dict[str, Compare] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_OPPOSITE = {"eq": "ne", "ne": "eq", "gt": "lte", "lte": "gt", "gte": "lt", "lt": "gte"}
_CROSS: dict[str, tuple[Compare, Compare]] = {
    "crosses_above": (operator.gt, operator.le),
    "crosses_below": (operator.lt, operator.ge),
}


def check(node: Node, snapshot: Snapshot) -> None:
    """Whether the snapshot has what a node reads. Raises ConfigError with the path of what it has
    not."""
    for leaf in leaves(node):
        for name in leaf.fields:
            if not snapshot.has(name):
                raise lacking(name, f"{leaf.path}.field")
            if leaf.operator in _CROSS and snapshot.before(name) is None:
                text = f"cannot be `{leaf.operator}`: this universe lacks yesterday's `{name}`"
                raise refusal(f"{leaf.path}.operator", text)


def lacking(name: str, path: str) -> ConfigError:
    """The error for a field that a universe has no column of."""
    return refusal(path, f"cannot be `{name}`: this universe has no such column")


def holds(node: Node, snapshot: Snapshot, fails: bool = False) -> Mask:
    """Where a node holds, or where it fails; neither where that is unknown."""
    if isinstance(node, Leaf):
        return _leaf(node, snapshot, fails)
    if node.kind == "not":
        return holds(node.parts[0], snapshot, not fails)
    masks = [holds(part, snapshot, fails) for part in node.parts]
    return reduce(operator.and_ if (node.kind == "and") != fails else operator.or_, masks)


def _leaf(leaf: Leaf, snapshot: Snapshot, fails: bool) -> Mask:
    if leaf.operator in ("is_null", "not_null"):
        known = _known(leaf.field, snapshot)
        return known if (leaf.operator == "not_null") != fails else ~known
    kind = catalogue()[leaf.field].type
    if kind == "list":
        return _lists(leaf, snapshot, fails)
    if kind in TEXTS:
        return _words(leaf, snapshot, fails)
    return _numbers(leaf, snapshot, fails)


def _known(name: str, snapshot: Snapshot) -> Mask:
    kind = catalogue()[name].type
    if kind == "list":
        return snapshot.lists(name).known
    if kind in TEXTS:
        return snapshot.words(name).codes >= 0
    return ~np.isnan(snapshot.numbers(name))


def _numbers(leaf: Leaf, snapshot: Snapshot, fails: bool) -> Mask:
    values = snapshot.numbers(leaf.field)
    value = leaf.value
    if leaf.operator in _COMPARE:
        name = _OPPOSITE[leaf.operator] if fails else leaf.operator
        other = snapshot.numbers(value.field) if isinstance(value, Other) else _number(value)
        found = _COMPARE[name](values, other)
        return found & _told(values, other) if name == "ne" else found
    if isinstance(value, tuple) and leaf.operator in ("between", "not_between"):
        low, high = (_number(one) for one in value)
        if (leaf.operator == "between") != fails:
            return (values >= low) & (values <= high)
        return (values < low) | (values > high)
    if isinstance(value, tuple):
        found = np.isin(values, np.array(value, np.float64))
        return _either(found, ~np.isnan(values), (leaf.operator == "in") == fails)
    if leaf.operator in _CROSS:
        return _crosses(leaf, snapshot, fails)
    if isinstance(value, Other):
        return _distance(leaf, value, snapshot, fails)
    return _either(_ranked(leaf, snapshot), ~np.isnan(values), fails)


def _crosses(leaf: Leaf, snapshot: Snapshot, fails: bool) -> Mask:
    now, then = _CROSS[leaf.operator]
    values, before = snapshot.numbers(leaf.field), snapshot.before(leaf.field)
    other: Numbers | float | None
    other_before: Numbers | float | None
    if isinstance(leaf.value, Other):
        other, other_before = snapshot.numbers(leaf.value.field), snapshot.before(leaf.value.field)
    else:
        other = other_before = _number(leaf.value)
    assert before is not None  # `check` has refused it
    assert other_before is not None
    found = now(values, other) & then(before, other_before)
    return _either(found, _told(values, other) & _told(before, other_before), fails)


def _distance(leaf: Leaf, value: Other, snapshot: Snapshot, fails: bool) -> Mask:
    values, other = snapshot.numbers(leaf.field), snapshot.numbers(value.field)
    with np.errstate(over="ignore", invalid="ignore"):
        away = values - other if leaf.operator == "pct_above" else other - values
        least = value.pct / 100 * np.abs(other)
    return away < least if fails else away >= least


def _ranked(leaf: Leaf, snapshot: Snapshot) -> Mask:
    amount = _number(leaf.value)
    if leaf.operator == "percentile_gte":
        ranked = snapshot.sorted_numbers(leaf.field)
        below = np.searchsorted(ranked, snapshot.numbers(leaf.field), side="left")
        return below * 100 >= amount * (len(ranked) - 1)
    order = snapshot.order((Sort(leaf.field, leaf.operator == "top"),))
    found = np.zeros(len(snapshot), bool)
    found[order[: int(amount)]] = True
    return found


def _words(leaf: Leaf, snapshot: Snapshot, fails: bool) -> Mask:
    column, value = snapshot.words(leaf.field), leaf.value
    known = column.codes >= 0
    if isinstance(value, Other):
        other = snapshot.words(value.field)
        places = np.array([column.code(word) for word in other.words] or [-2], np.int32)
        same = column.codes == places[other.codes]
        return _either(same, known & (other.codes >= 0), (leaf.operator == "eq") == fails)
    if leaf.operator in ("eq", "ne"):
        found = column.codes == column.code(str(value))
        return _either(found, known, (leaf.operator == "eq") == fails)
    if isinstance(value, tuple):
        places = np.array([column.code(str(word)) for word in value], np.int32)
        return _either(np.isin(column.codes, places), known, (leaf.operator == "in") == fails)
    find = {
        "contains": arrow.contains,
        "starts_with": arrow.starts_with,
        "matches": arrow.matches,
    }[leaf.operator]
    hits = arrow.to_numpy(find(column.known, str(value)))
    found = hits[column.codes] if len(hits) else np.zeros(len(known), bool)
    return _either(found, known, fails)


def _lists(leaf: Leaf, snapshot: Snapshot, fails: bool) -> Mask:
    column, value = snapshot.lists(leaf.field), leaf.value
    wanted = value if isinstance(value, tuple) else (value,)
    places = np.array([column.members.code(str(word)) for word in wanted], np.int32)
    found = np.zeros(len(snapshot), bool)
    found[column.rows[np.isin(column.members.codes, places)]] = True
    return _either(found, column.known, (leaf.operator != "not_in") == fails)


def _told(values: Numbers, other: Numbers | float) -> Mask:
    return ~(np.isnan(values) | np.isnan(other))


def _either(found: Mask, known: Mask, fails: bool) -> Mask:
    return known & ~found if fails else known & found


def _number(value: object) -> float:
    assert isinstance(value, float)
    return value
