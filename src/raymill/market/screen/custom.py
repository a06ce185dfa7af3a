"""Filters that users store: checked when they are made, kept in every version, used by name."""

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from raymill import json
from raymill.errors import (
    AccessDenied,
    ConfigError,
    Conflict,
    NotFound,
    RaymillError,
    unknown,
)
from raymill.market.screen.filters import MOST_LEAVES, Reader
from raymill.market.screen.refusals import modelled, refusal
from raymill.market.screen.seed import CUSTOM, FILTERS
from raymill.market.screen.stored import Custom
from raymill.state.database import Database, Execute

MOST_KEPT = 1000  # of one owner
MARK = "flt-"
_NAME = re.compile(r"[\w][\w .&()/+-]{0,99}")
_COLUMNS = (
    "filter_id",
    "owner",
    "name",
    "description",
    "criteria",
    "version",
    "created",
    "updated",
    "key_id",
)
_SELECT = f"SELECT {','.join(_COLUMNS)} FROM screener_filters"
_MARKS = ",".join("?" * len(_COLUMNS))
_INSERT = f"INSERT INTO screener_filters ({','.join(_COLUMNS)}) VALUES ({_MARKS})"
_KEEP = f"INSERT INTO screener_filter_versions ({','.join(_COLUMNS)}) VALUES ({_MARKS})"
_UPDATE = (
    "UPDATE screener_filters SET name=?, description=?, criteria=?, version=?, updated=? "
    "WHERE filter_id=?"
)


class CustomBody(BaseModel):
    """The body of a call that stores a filter."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    criteria: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_LEAVES)
    description: str = Field("", max_length=2000)


def new_id() -> str:
    """An id that is given once."""
    return MARK + secrets.token_hex(10)


class CustomFilters:
    """The stored filters of one owner. Names are his own; nobody else sees them."""

    def __init__(
        self,
        database: Database,
        owner: str = "",
        *,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = new_id,
    ) -> None:
        self._database = database
        self._owner = owner
        self._now = now
        self._new_id = new_id

    def create(self, body: Mapping[str, Any], *, key_id: str = "") -> Custom:
        """Store a filter: `name`, `criteria`, `description`.

        key_id: the key that it belongs to, if there is one. Raises ConfigError, UnknownName with
        the path of what is wrong, Conflict where the name is taken.
        """
        given, now = _read(body), self._now()
        made = Custom(
            self._new_id(),
            given.name,
            tuple(given.criteria),
            given.description,
            owner=self._owner,
            created=now,
            updated=now,
            key_id=key_id,
        )
        with self._database.transaction() as execute:
            others = self._all(execute)
            if len(others) >= MOST_KEPT:
                raise ConfigError(f"{MOST_KEPT} filters are stored", hint="delete some first")
            _free(made, others)
            _check(made, others)
            execute(_INSERT, _row(made))
            execute(_KEEP, _row(made))
        return made

    def update(
        self, name: str, body: Mapping[str, Any], *, version: int, key_id: str | None = None
    ) -> Custom:
        """Replace what the filter of an id or name says, if it still has this version.

        key_id: the key that asks, which may change its own; None may change all. Raises what
        `create` raises, NotFound, AccessDenied, and Conflict where it has another version.
        """
        given, now = _read(body), self._now()
        with self._database.transaction() as execute:
            others = self._all(execute)
            old = _own(_find(others, name), key_id)
            if old.version != version:
                raise Conflict(
                    f"Filter `{old.name}` has version {old.version}, not {version}",
                    hint="read it again",
                    version=old.version,
                )
            made = replace(
                old,
                name=given.name,
                criteria=tuple(given.criteria),
                description=given.description,
                version=version + 1,
                updated=now,
            )
            others.remove(old)
            _free(made, others)
            _check(made, others)
            _check_users(made, others)
            row = _row(made)
            execute(_UPDATE, (row[2], row[3], row[4], row[5], row[7], made.id))
            execute(_KEEP, row)
        return made

    def remove(self, name: str, *, key_id: str | None = None) -> Custom:
        """Delete the filter of an id or name, and give it; its versions stay readable.

        Raises NotFound, AccessDenied, and Conflict where another filter uses it.
        """
        with self._database.transaction() as execute:
            others = self._all(execute)
            old = _own(_find(others, name), key_id)
            users = [one.name for one in others if one is not old and _uses(one, old)]
            if users:
                raise Conflict(
                    f"Filter `{old.name}` is used by `{users[0]}`",
                    hint=f"delete or change {', '.join(users)} first",
                )
            execute("DELETE FROM screener_filters WHERE filter_id=?", (old.id,))
        return old

    def find(self, name: str) -> Custom | None:
        """The filter of an id or name."""
        with self._database.reading() as execute:
            where = " WHERE owner=? AND (filter_id=? OR name=?)"
            rows = execute(_SELECT + where, (self._owner, name, name))
        return _custom(rows[0]) if rows else None

    def ls(self) -> list[Custom]:
        """All filters by name."""
        with self._database.reading() as execute:
            return self._all(execute)

    def versions(self, filter_id: str) -> list[Custom]:
        """Every version of a filter, the oldest first, also of one that was deleted."""
        table = _SELECT.replace("screener_filters", "screener_filter_versions")
        with self._database.reading() as execute:
            rows = execute(
                f"{table} WHERE owner=? AND filter_id=? ORDER BY version", (self._owner, filter_id)
            )
        return [_custom(row) for row in rows]

    def _all(self, execute: Execute) -> list[Custom]:
        rows = execute(f"{_SELECT} WHERE owner=? ORDER BY name", (self._owner,))
        return [_custom(row) for row in rows]


def _read(body: Mapping[str, Any]) -> CustomBody:
    given = modelled(CustomBody, body)
    reserved = given.name in FILTERS or given.name == CUSTOM or given.name.startswith(MARK)
    if reserved:
        raise refusal("name", f"cannot be `{given.name}`: that is a name of raymill's own")
    if not _NAME.fullmatch(given.name):
        text = "at most 100 letters, digits and ` .&()/+-_`, a letter or digit first"
        raise refusal("name", f"cannot be `{given.name[:40]}`", text)
    return given


def _free(made: Custom, others: Sequence[Custom]) -> None:
    for one in others:
        if one.name == made.name:
            raise Conflict(
                f"A filter named `{made.name}` is stored already", hint="choose another name"
            )


def _finder(every: Sequence[Custom]) -> Callable[[str], Custom | None]:
    return lambda name: next((one for one in every if name in (one.id, one.name)), None)


def _check(made: Custom, others: Sequence[Custom]) -> None:
    """Whether a new or changed filter can be read, and does not lead back to itself."""
    Reader(_finder([*others, made])).check(made)


def _check_users(made: Custom, others: Sequence[Custom]) -> None:
    """Whether all that may use a changed filter can still be read."""
    find = _finder([*others, made])
    for one in others:
        try:
            Reader(find).check(one)
        except RaymillError as error:
            raise Conflict(
                f"Filter `{one.name}` could not be read any more: {error.message}",
                hint="change it first",
            ) from None


def _uses(one: Custom, other: Custom) -> bool:
    return any(name in (other.id, other.name) for name in _named(list(one.criteria)))


def _named(node: Any) -> Iterator[str]:
    """What nodes name as a filter."""
    if isinstance(node, list):
        for one in node:
            yield from _named(one)
    elif isinstance(node, Mapping):
        if "type" in node:
            yield from (node[key] for key in ("type", "id", "name") if node.get(key))
        for key in ("and", "or", "not"):
            if key in node:
                yield from _named(node[key])


def _find(others: Sequence[Custom], name: str) -> Custom:
    for one in others:
        if name in (one.id, one.name):
            return one
    raise unknown("stored filter", name, [one.name for one in others], kind=NotFound)


def _own(found: Custom, key_id: str | None) -> Custom:
    """A filter that a key may change: its own, or one that was stored without a key."""
    if key_id is not None and found.key_id not in ("", key_id):
        raise AccessDenied(
            f"Filter `{found.name}` belongs to another key",
            hint="ask with the key that stored it, or with one of scope `admin`",
        )
    return found


def _row(one: Custom) -> tuple[Any, ...]:
    criteria = json.dumps(one.criteria).decode()
    return (
        *(one.id, one.owner, one.name, one.description, criteria),
        *(one.version, one.created, one.updated, one.key_id),
    )


def _custom(row: Sequence[Any]) -> Custom:
    cells = dict(zip(_COLUMNS, row, strict=True))
    criteria = tuple(json.loads(cells.pop("criteria")))
    return Custom(cells.pop("filter_id"), criteria=criteria, **cells)
