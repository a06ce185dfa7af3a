"""Stored filters: made once a name, kept in versions, used by id and name, never in a circle."""

import itertools
import threading
from pathlib import Path
from typing import Any

import pytest

from market.screen.tables import NOW, column, criterion
from raymill.errors import AccessDenied, ConfigError, Conflict, NotFound, UnknownName
from raymill.market.screen.custom import CustomFilters
from raymill.market.screen.request import parse_request
from raymill.market.screen.screener import Screener
from raymill.state.database import Database, open_database

CHEAP = {"name": "cheap", "criteria": [criterion("price", "lt", 3)], "description": "below 3"}


@pytest.fixture
def filters(database: Database) -> CustomFilters:
    numbers, clock = itertools.count(1), itertools.count(100)
    return CustomFilters(
        database, "ann", now=lambda: float(next(clock)), new_id=lambda: f"flt-{next(numbers)}"
    )


def body(name: str, *criteria: Any) -> dict[str, Any]:
    return {"name": name, "criteria": list(criteria)}


def used(name: str) -> dict[str, str]:
    return {"type": "custom", "name": name}


def test_a_stored_filter_is_used_by_id_and_name_and_negated(filters: CustomFilters) -> None:
    made = filters.create(CHEAP)
    assert (made.id, made.version, made.owner) == ("flt-1", 1, "ann")
    rows = Screener(column("price", 1.0, 2.0, 5.0, None))
    for node in (
        {"type": "custom", "id": "flt-1"},
        {"type": "custom", "name": "cheap"},
        {"type": "cheap"},
        {"type": "flt-1", "parameters": {}},
    ):
        answer = rows.screen(parse_request({"filters": [node]}, filters.find), NOW)
        assert [row["symbol"] for row in answer.stocks] == ["A", "B"]
        assert answer.custom_filters == [{"id": "flt-1", "name": "cheap", "version": 1}]
    request = parse_request({"filters": [{"not": used("cheap")}]}, filters.find)
    assert [row["symbol"] for row in rows.screen(request, NOW).stocks] == ["C"]


def test_a_filter_is_checked_when_it_is_made(filters: CustomFilters) -> None:
    with pytest.raises(UnknownName, match=r"`criteria\[0\].and\[0\].field`: unknown field `prise`"):
        filters.create(body("x", {"and": [criterion("prise", "lt", 3)]}))
    with pytest.raises(ConfigError, match="`criteria` cannot be"):
        filters.create(body("x"))
    with pytest.raises(UnknownName, match="unknown stored filter `none`"):
        filters.create(body("x", used("none")))
    for name in ("price_filter", "custom", "flt-9", "", " x", "a" * 101, "a\n"):
        with pytest.raises(ConfigError, match="`name` cannot be"):
            filters.create(CHEAP | {"name": name})
    assert filters.ls() == []


def test_a_name_is_given_once_to_each_owner(
    filters: CustomFilters,
    database: Database,
) -> None:
    made = filters.create(CHEAP)
    with pytest.raises(Conflict, match="`cheap` is stored already"):
        filters.create(CHEAP)
    bob = CustomFilters(database, "bob")
    assert bob.find(made.id) is None
    assert bob.create(CHEAP).owner == "bob"
    assert [one.id for one in filters.ls()] == ["flt-1"]


def test_a_filter_is_changed_by_the_key_that_stored_it_and_by_who_may_change_all(
    filters: CustomFilters,
) -> None:
    made, nobodys = filters.create(CHEAP, key_id="ada"), filters.create(CHEAP | {"name": "free"})
    assert (made.key_id, filters.find("cheap"), nobodys.key_id) == ("ada", made, "")
    with pytest.raises(AccessDenied, match="`cheap` belongs to another key"):
        filters.update(made.id, CHEAP, version=1, key_id="bob")
    with pytest.raises(AccessDenied, match="`cheap` belongs to another key"):
        filters.remove(made.id, key_id="bob")
    assert filters.ls() == [made, nobodys]
    assert filters.update(made.id, CHEAP, version=1, key_id="ada").version == 2
    assert filters.update(made.id, CHEAP, version=2).key_id == "ada"
    assert [one.key_id for one in filters.versions(made.id)] == ["ada"] * 3
    filters.remove("free", key_id="bob")
    filters.remove("cheap")
    assert filters.ls() == []


def test_a_change_makes_a_version_and_needs_the_newest(filters: CustomFilters) -> None:
    made = filters.create(CHEAP)
    changed = filters.update("cheap", body("cheaper", criterion("price", "lt", 2)), version=1)
    assert (changed.version, changed.created, changed.updated) == (2, 100.0, 101.0)
    with pytest.raises(Conflict, match="has version 2, not 1"):
        filters.update(made.id, CHEAP, version=1)
    assert [(one.version, one.name) for one in filters.versions(made.id)] == [
        (1, "cheap"),
        (2, "cheaper"),
    ]
    assert filters.find("cheap") is None
    assert filters.find("cheaper") == changed
    with pytest.raises(NotFound, match="Unknown stored filter `cheap`"):
        filters.update("cheap", CHEAP, version=2)


def test_a_filter_never_leads_back_to_itself(filters: CustomFilters) -> None:
    with pytest.raises(ConfigError, match=r"`criteria\[0\].name` leads back to itself"):
        filters.create(body("ring", used("ring")))
    filters.create(CHEAP)
    filters.create(body("middle", {"not": used("cheap")}))
    filters.create(body("outer", {"or": [used("middle"), criterion("price", "is_null")]}))
    with pytest.raises(ConfigError, match="leads back to itself"):
        filters.update("cheap", body("cheap", {"type": "outer"}), version=1)
    assert filters.find("cheap").version == 1  # type: ignore[union-attr]


def test_what_others_use_is_neither_deleted_nor_renamed(filters: CustomFilters) -> None:
    filters.create(CHEAP)
    filters.create(body("user", {"and": [used("cheap")]}))
    with pytest.raises(Conflict, match="`cheap` is used by `user`"):
        filters.remove("cheap")
    with pytest.raises(Conflict, match="Filter `user` could not be read any more"):
        filters.update("cheap", CHEAP | {"name": "other"}, version=1)
    filters.remove("user")
    filters.remove("flt-1")
    assert filters.ls() == []
    assert [one.version for one in filters.versions("flt-1")] == [1]
    with pytest.raises(NotFound):
        filters.remove("cheap")


def test_filters_of_filters_stay_within_the_bounds_of_a_request(filters: CustomFilters) -> None:
    filters.create(body("ten", {"or": [criterion("price", "gt", 1)] * 10}))
    filters.create(body("hundred", {"or": [used("ten")] * 10}))
    with pytest.raises(ConfigError, match="is condition number 101, 100 are allowed"):
        filters.create(body("more", used("hundred"), criterion("price", "gt", 1)))
    with pytest.raises(Conflict, match="Filter `hundred` could not be read any more"):
        filters.update("ten", body("ten", {"or": [criterion("price", "gt", 1)] * 11}), version=1)


def test_of_several_at_once_one_gets_the_name(tmp_path: Path) -> None:
    taken: list[str] = []

    def create() -> None:
        mine = open_database(tmp_path)
        try:
            CustomFilters(mine).create(CHEAP)
        except Conflict:
            taken.append("conflict")
        finally:
            mine.close()

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == ["conflict"] * 3
