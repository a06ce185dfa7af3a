"""Reads filters: those with a name, criteria, groups of them, and those that users stored."""

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from raymill import json
from raymill.market.screen.fields import Field as Known
from raymill.market.screen.fields import catalogue
from raymill.market.screen.operators import OPERATORS, Operator, operators_of
from raymill.market.screen.refusals import modelled, refusal, shown, unknown_at
from raymill.market.screen.seed import CUSTOM, FILTERS, RangeFilter
from raymill.market.screen.stored import Custom
from raymill.market.screen.tree import Group, Leaf, Node
from raymill.market.screen.values import field_at, number, value_of

MOST_DEEP = 8
MOST_LEAVES = 100
FORMS = (
    '`{"type", "parameters"}`, `{"field", "operator", "value"}`, `{"and": [...]}`, '
    '`{"or": [...]}` or `{"not": ...}`'
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Criterion(_Strict):
    """A condition on one field."""

    field: str
    operator: str
    value: Any = None


class TypedFilter(_Strict):
    """A filter by its name; `id` or `name` where a stored one is meant."""

    type: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    id: str | None = None
    name: str | None = None


class Reader:
    """Reads the filters of one request: at most 100 conditions, groups at most 8 deep."""

    def __init__(self, find_custom: Callable[[str], Custom | None] | None = None) -> None:
        self._find = find_custom
        self._leaves = 0
        self._open: list[str] = []  # stored filters that are being read
        self.used: dict[str, Custom] = {}

    def node(self, raw: Any, path: str, depth: int = 0) -> Node:
        """Read one filter. Raises ConfigError, UnknownName with the path of what is wrong."""
        if not isinstance(raw, dict):
            raise refusal(path, f"cannot be `{shown(raw)}`", f"write {FORMS}")
        kinds = [kind for kind in ("and", "or", "not") if kind in raw]
        if kinds:
            return self._group(kinds, raw, path, depth + 1)
        if "type" in raw:
            return self._typed(modelled(TypedFilter, raw, path), path, depth)
        if "field" in raw or "operator" in raw:
            return self._criterion(modelled(Criterion, raw, path), path)
        for name in raw:
            known = ["type", "parameters", "field", "operator", "value", "and", "or", "not"]
            raise unknown_at(f"{path}.{name}", "name", str(name), known)
        raise refusal(path, "is empty", f"write {FORMS}")

    def check(self, custom: Custom) -> None:
        """Read the conditions of a filter that is to be stored."""
        self._open.append(custom.id)
        for at, one in enumerate(custom.criteria):
            self.node(one, f"criteria[{at}]", 1)
        self._open.pop()

    def _group(self, kinds: list[str], raw: dict[str, Any], path: str, depth: int) -> Group:
        kind, where = kinds[0], f"{path}.{kinds[0]}"
        for name in raw:
            if name != kind:
                raise refusal(f"{path}.{name}", f"cannot stand beside `{kind}`")
        if depth > MOST_DEEP:
            raise refusal(where, f"is the group number {depth} in depth, {MOST_DEEP} are allowed")
        if kind == "not":
            part = self.node(raw[kind], where, depth)
            return Group("not", (part,), path, f"not ({part.text})")
        given = raw[kind]
        if not isinstance(given, list) or not given:
            raise refusal(where, f"cannot be `{shown(given)}`: give a list of filters")
        parts = tuple(self.node(one, f"{where}[{at}]", depth) for at, one in enumerate(given))
        return _joined("or" if kind == "or" else "and", parts, path)

    def _typed(self, found: TypedFilter, path: str, depth: int) -> Node:
        if found.type in FILTERS:
            for name in ("id", "name"):
                if getattr(found, name) is not None:
                    raise refusal(f"{path}.{name}", f"cannot be given with `{found.type}`")
            return self._leaf(*_bounds(FILTERS[found.type], found.parameters, path), path)
        if found.type != CUSTOM:
            custom = self._find(found.type) if self._find else None
            if custom is None:
                raise unknown_at(f"{path}.type", "filter", found.type, [*FILTERS, CUSTOM])
            return self._stored(custom, f"{path}.type", path, depth)
        given = {key: getattr(found, key) for key in ("id", "name")}
        named = [(key, name) for key, name in given.items() if name is not None]
        if len(named) != 1:
            raise refusal(path, "is a stored filter", "give its `id` or its `name`")
        key, name = named[0]
        custom = self._find(name) if self._find else None
        if custom is None:
            raise unknown_at(f"{path}.{key}", "stored filter", name, ())
        return self._stored(custom, f"{path}.{key}", path, depth)

    def _stored(self, custom: Custom, where: str, path: str, depth: int) -> Node:
        if custom.id in self._open:
            chain = " -> ".join([*self._open[self._open.index(custom.id) :], custom.id])
            raise refusal(where, f"leads back to itself: {chain}")
        if depth + 1 > MOST_DEEP:
            raise refusal(where, f"is the group number {depth + 1} in depth, {MOST_DEEP} allowed")
        self._open.append(custom.id)
        self.used[custom.id] = custom
        parts = tuple(
            self.node(one, f"{path}<{custom.name}>.criteria[{at}]", depth + 1)
            for at, one in enumerate(custom.criteria)
        )
        self._open.pop()
        return Group("and", parts, path, custom.name)

    def _criterion(self, found: Criterion, path: str) -> Leaf:
        field = field_at(found.field, f"{path}.field")
        if found.operator not in OPERATORS:
            raise unknown_at(f"{path}.operator", "operator", found.operator, OPERATORS)
        operator = OPERATORS[found.operator]
        if not operator.fits(field):
            raise _misfit(field, operator, f"{path}.operator")
        value = value_of(field, operator, found.value, f"{path}.value")
        return self._leaf(field.name, operator.name, value, found.value, path)

    def _leaf(self, field: str, operator: str, value: Any, raw: Any, path: str) -> Leaf:
        self._leaves += 1
        if self._leaves > MOST_LEAVES:
            raise refusal(path, f"is condition number {self._leaves}, {MOST_LEAVES} are allowed")
        text = f"{field} {operator}" + ("" if raw is None else f" {json.dumps(raw).decode()}")
        return Leaf(field, operator, value, path, text)


def _joined(kind: Literal["and", "or"], parts: tuple[Node, ...], path: str) -> Group:
    texts = [f"({one.text})" if isinstance(one, Group) else one.text for one in parts]
    return Group(kind, parts, path, f" {kind} ".join(texts))


def _misfit(field: Known, operator: Operator, path: str) -> Exception:
    if operator.shape == "cross" and field.type in operator.types:
        reason = f"cannot be `{operator.name}`: yesterday's `{field.name}` is not kept"
    else:
        reason = f"cannot be `{operator.name}`: `{field.name}` is a {field.type}"
    return refusal(path, reason, f"there are: {', '.join(operators_of(field))}")


def _bounds(kind: RangeFilter, given: dict[str, Any], path: str) -> tuple[str, str, Any, Any]:
    where = f"{path}.parameters"
    for name in given:
        if name not in (kind.low, kind.high):
            raise unknown_at(f"{where}.{name}", "parameter", name, (kind.low, kind.high))
    low, high = (
        None if given.get(name) is None else number(given[name], f"{where}.{name}")
        for name in (kind.low, kind.high)
    )
    if low is None and high is None:
        raise refusal(where, f"bounds nothing: give `{kind.low}`, `{kind.high}` or both")
    if low is not None and high is not None and low > high:
        raise refusal(f"{where}.{kind.low}", f"is {low:g}, above `{kind.high}` of {high:g}")
    field = catalogue()[kind.field].name
    if low is None:
        return field, "lte", high, given[kind.high]
    if high is None:
        return field, "gte", low, given[kind.low]
    return field, "between", (low, high), [given[kind.low], given[kind.high]]
