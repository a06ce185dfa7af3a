"""A request as the body of a call or a file has it, read into conditions."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from raymill import json
from raymill.errors import ConfigError, InputError
from raymill.market.screen.filters import Reader
from raymill.market.screen.refusals import modelled, refusal, shown
from raymill.market.screen.stored import Custom
from raymill.market.screen.tree import Node
from raymill.market.screen.values import field_at, moment

MOST_ROWS = 1000
MOST_FILTERS = 100
MOST_OFFSET = 10_000_000
MOST_SYMBOLS = 10_000
SHOWN = (
    *("symbol", "name", "price", "volume", "market_cap", "pe_ratio", "dividend_yield", "sector"),
    "last_updated",
)
FindCustom = Callable[[str], Custom | None]


class SortBy(BaseModel):
    """One key of the order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    field: str
    order: Literal["asc", "desc"] = "asc"


class ScreenBody(BaseModel):
    """The body of a request to screen."""

    model_config = ConfigDict(extra="forbid", strict=True)

    filters: list[dict[str, Any]] = Field(default_factory=list, max_length=MOST_FILTERS)
    limit: int = Field(100, ge=1, le=MOST_ROWS)
    offset: int | None = Field(None, ge=0, le=MOST_OFFSET)
    cursor: str | None = Field(None, max_length=200)
    sort: list[SortBy] = Field(default_factory=list, max_length=8)
    as_of: str | None = None
    universe: Any = None
    fields: list[str] | None = Field(None, min_length=1, max_length=100)
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """One key of the order of rows; nulls come last in both directions."""

    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A checked request. `digest` tells requests apart that give other rows or another order."""

    filters: tuple[Node, ...] = ()
    limit: int = 100
    offset: int = 0
    cursor: str | None = None
    sort: tuple[Sort, ...] = ()
    as_of: datetime | None = None
    universe: str | None = None
    symbols: tuple[str, ...] | None = None
    fields: tuple[str, ...] = SHOWN
    explain: bool = False
    custom: tuple[Custom, ...] = ()
    digest: str = ""

    def explained(self, is_wanted: bool = True) -> "Request":
        """The same request, with an explanation where it is wanted."""
        return replace(self, explain=True) if is_wanted else self


def read_request(path: str | Path, find_custom: FindCustom | None = None) -> Request:
    """Read a request from a JSON file. Raises InputError, ConfigError, UnknownName."""
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"Request `{path}` cannot be read: {error.strerror}") from error
    return parse_request(text, find_custom, name=str(path))


def parse_request(
    body: bytes | str | Mapping[str, Any],
    find_custom: FindCustom | None = None,
    *,
    name: str = "the request",
) -> Request:
    """Check a request and everything in it. Raises ConfigError, UnknownName with the path of what
    is wrong in their details; InputError for what is no JSON.

    >>> parse_request({"filters": [{"type": "price_filter", "parameters": {"min_price": 9}}]}).limit
    100
    """
    given = body if isinstance(body, Mapping) else _loaded(body, name)
    found = modelled(ScreenBody, given)
    reader = Reader(find_custom)
    filters = tuple(reader.node(one, f"filters[{at}]") for at, one in enumerate(found.filters))
    symbols = _symbols(found.universe)
    if found.cursor is not None and found.offset is not None:
        raise refusal("cursor", "and `offset` exclude each other", "give one")
    return Request(
        filters=filters,
        limit=found.limit,
        offset=found.offset or 0,
        cursor=found.cursor,
        sort=_sort(found.sort),
        as_of=None if found.as_of is None else moment(found.as_of, "as_of"),
        universe=found.universe if isinstance(found.universe, str) else None,
        symbols=symbols,
        fields=_fields(found.fields),
        explain=found.explain,
        custom=tuple(reader.used.values()),
        digest=_digest(filters, _sort(found.sort), found.universe),
    )


def _loaded(body: bytes | str, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except json.JSONError as error:
        raise InputError(f"{name} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{name} is no JSON object", hint='write {"filters": [...]}')
    return found


def _sort(given: list[SortBy]) -> tuple[Sort, ...]:
    found = []
    for at, key in enumerate(given):
        path = f"sort[{at}].field"
        named = field_at(key.field, path)
        if named.type == "list":
            raise refusal(path, f"cannot be `{named.name}`: lists have no order")
        found.append(Sort(named.name, key.order == "desc"))
    return tuple(found)


def _fields(given: list[str] | None) -> tuple[str, ...]:
    if given is None:
        return SHOWN
    names = [field_at(name, f"fields[{at}]").name for at, name in enumerate(given)]
    return tuple(dict.fromkeys(["symbol", *names]))


def _symbols(universe: Any) -> tuple[str, ...] | None:
    if universe is None or isinstance(universe, str):
        return None
    if not isinstance(universe, list):
        raise refusal(
            "universe", f"cannot be `{shown(universe)}`: give a name or a list of symbols"
        )
    for at, symbol in enumerate(universe):
        if not isinstance(symbol, str):
            raise refusal(f"universe[{at}]", f"cannot be `{shown(symbol)}`: give a symbol")
    if not 1 <= len(universe) <= MOST_SYMBOLS:
        raise refusal("universe", f"has {len(universe)} symbols: give 1 to {MOST_SYMBOLS}")
    return tuple(dict.fromkeys(universe))


def _digest(filters: tuple[Node, ...], sort: tuple[Sort, ...], universe: Any) -> str:
    text = repr((filters, sort, universe))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
