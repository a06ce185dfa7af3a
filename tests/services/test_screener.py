"""The screener over HTTP: screens, stored filters, overview, status, and what it refuses."""

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from raymill.app.keys import stored_keys
from raymill.services.screener import Screener
from services.conftest import Served
from services.days import store_days

PRICES = {"AAA": [9.0, 10.0], "BBB": [25.0, 20.0], "CCC": [30.0, 30.0]}
ABOVE_15 = {"field": "price", "operator": "gt", "value": 15}
CHEAP = {"name": "cheap", "criteria": [{"field": "price", "operator": "lte", "value": 20}]}


@pytest.fixture
def screener(served: Served) -> TestClient:
    """A screener of three coins."""
    client = served(Screener)
    store_days(**PRICES)
    return client


def symbols(client: TestClient, **body: Any) -> list[str]:
    answer = client.post("/api/screener/screen", json=body)
    assert answer.status_code == 200, answer.text
    return [row["symbol"] for row in answer.json()["result"]["stocks"]]


def test_rows_that_match_all_filters_come_back_with_the_snapshot(screener: TestClient) -> None:
    filters = [
        {"type": "price_filter", "parameters": {"min_price": 10, "max_price": 20}},
        {"type": "volume_filter", "parameters": {"min_volume": 100}},
    ]
    body = {"filters": filters, "limit": 10}
    found = screener.post("/api/screener/screen", json=body).json()["result"]
    assert (found["total_stocks"], found["filtered_count"], found["filters_applied"]) == (3, 2, 2)
    rows = [(row["symbol"], row["price"], row["volume"]) for row in found["stocks"]]
    assert rows == [("AAA/USD", 10.0, 100.0), ("BBB/USD", 20.0, 100.0)]
    assert set(found["stocks"][0]) == {
        *("symbol", "name", "price", "volume", "market_cap", "pe_ratio", "dividend_yield"),
        *("sector", "last_updated"),
    }
    assert found["scan_time"].endswith("s")
    status = screener.get("/api/screener/status").json()["data"]
    assert status["snapshot"] == found["snapshot"]
    assert found["as_of"][:19].replace("-", "").replace(":", "") in found["snapshot"]


def test_pages_follow_one_another_by_cursor(screener: TestClient) -> None:
    body = {"sort": [{"field": "price", "order": "desc"}], "limit": 2}
    first = screener.post("/api/screener/screen", json=body).json()["result"]
    assert [row["symbol"] for row in first["stocks"]] == ["CCC/USD", "BBB/USD"]
    assert symbols(screener, **body, cursor=first["next_cursor"]) == ["AAA/USD"]


def test_a_page_is_found_by_a_replica_that_did_not_make_the_one_before(
    served: Served, screener: TestClient
) -> None:
    first = screener.post("/api/screener/screen", json={"limit": 2}).json()["result"]
    other = served(Screener)
    assert symbols(other, limit=2, cursor=first["next_cursor"]) == ["CCC/USD"]


def test_the_status_tells_what_there_is(screener: TestClient) -> None:
    screener.post("/api/screener/screen", json={})
    screener.post("/api/screener/custom-filter", json=CHEAP)
    data = screener.get("/api/screener/status").json()["data"]
    known = {name: data[name] for name in ("service", "status", "available_filters")}
    assert known == {"service": "screener", "status": "healthy", "available_filters": 5}
    assert (data["total_stocks"], data["data_sources"]) == (3, ["simulated"])
    assert data["uptime"] >= 0


def test_a_stored_filter_is_used_changed_and_deleted_by_any_replica(
    served: Served, screener: TestClient
) -> None:
    made = screener.post("/api/screener/custom-filter", json=CHEAP)
    assert made.status_code == 201
    found = made.json()["result"]
    assert (found["name"], found["message"]) == ("cheap", "Filter `cheap` is stored")
    other, id_ = served(Screener), found["filter_id"]
    for used in ({"type": "cheap"}, {"type": "custom", "id": id_}):
        assert symbols(other, filters=[used]) == ["AAA/USD", "BBB/USD"]
    change = {"name": "cheap", "criteria": [ABOVE_15], "version": 1}
    assert other.put(f"/api/screener/custom-filter/{id_}", json=change).json()["result"] == {
        "filter_id": id_,
        "name": "cheap",
        "message": "Filter `cheap` has version 2",
        "version": 2,
    }
    assert other.put(f"/api/screener/custom-filter/{id_}", json=change).status_code == 409
    assert symbols(screener, filters=[{"type": "cheap"}]) == ["BBB/USD", "CCC/USD"]
    shown = screener.get(f"/api/screener/custom-filter/{id_}").json()["filter"]
    assert (shown["criteria"], shown["version"], shown["custom"]) == ([ABOVE_15], 2, True)
    listed = screener.get("/api/screener/filters").json()["filters"]
    assert [one["id"] for one in listed if one["custom"]] == [id_]
    assert screener.delete(f"/api/screener/custom-filter/{id_}").status_code == 200
    assert other.get(f"/api/screener/custom-filter/{id_}").status_code == 404
    assert other.delete(f"/api/screener/custom-filter/{id_}").status_code == 404
    refused = other.post("/api/screener/screen", json={"filters": [{"type": "cheap"}]})
    assert refused.status_code == 422


def test_a_name_that_is_taken_is_a_conflict(screener: TestClient) -> None:
    assert screener.post("/api/screener/custom-filter", json=CHEAP).status_code == 201
    assert screener.post("/api/screener/custom-filter", json=CHEAP).status_code == 409


@pytest.mark.parametrize(
    ("place", "body", "path"),
    [
        ("screen", {"filters": [{"type": "prise_filter", "parameters": {}}]}, "filters[0].type"),
        (
            "screen",
            {"filters": [{"type": "price_filter", "parameters": {"min_prise": 1}}]},
            "filters[0].parameters.min_prise",
        ),
        ("screen", {"filters": [{"and": [ABOVE_15 | {"field": "x"}]}]}, "filters[0].and[0].field"),
        ("screen", {"limit": 1001}, "limit"),
        ("screen", {"limt": 1}, "limt"),
        ("custom-filter", {"name": "a", "criteria": []}, "criteria"),
        ("custom-filter", {"name": "../a", "criteria": [ABOVE_15]}, "name"),
        ("custom-filter", {"name": "price_filter", "criteria": [ABOVE_15]}, "name"),
        ("custom-filter", {"name": "a", "criteria": [{"type": "a"}]}, "criteria[0].type"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(
    screener: TestClient, place: str, body: dict[str, Any], path: str
) -> None:
    answer = screener.post(f"/api/screener/{place}", json=body)
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == [path]


def test_the_market_is_summed_up(screener: TestClient) -> None:
    found = screener.get("/api/screener/market-overview").json()["overview"]
    assert (found["total_stocks"], found["average_price"], found["total_volume"]) == (3, 20.0, 300)
    assert found["price_range"] == {"min": 10.0, "max": 30.0}
    assert found["market_cap_range"] == {"min": None, "max": None}
    assert (found["sectors"]["Unknown"]["count"], found["advancers"]) == (3, 1)
    assert found["last_updated"]


@pytest.mark.parametrize("path", ["screen", "market-overview"])
def test_without_data_the_crawl_to_do_first_is_named(served: Served, path: str) -> None:
    client = served(Screener)
    method = "GET" if path == "market-overview" else "POST"
    json = {} if method == "POST" else None
    answer = client.request(method, f"/api/screener/{path}", json=json)
    assert answer.status_code == 409
    assert "raymill market crawl" in answer.json()["hint"]
    status = client.get("/api/screener/status")
    assert (status.status_code, status.json()["data"]["total_stocks"]) == (200, 0)


@pytest.mark.parametrize("as_of", ["0001-01-01T00:00:00Z", "1999-12-31T00:00:00Z"])
def test_a_moment_from_which_nothing_is_stored_is_a_conflict(
    screener: TestClient, as_of: str
) -> None:
    answer = screener.post("/api/screener/screen", json={"as_of": as_of})
    assert (answer.status_code, "raymill market crawl" in answer.json()["hint"]) == (409, True)


def test_data_that_is_stored_while_a_universe_is_held_is_screened_soon(
    screener: TestClient,
) -> None:
    assert symbols(screener) == ["AAA/USD", "BBB/USD", "CCC/USD"]
    store_days(DDD=[1.0, 2.0])
    ends = time.monotonic() + 60
    while symbols(screener) != ["AAA/USD", "BBB/USD", "CCC/USD", "DDD/USD"]:
        assert time.monotonic() < ends


def test_what_is_stored_later_is_screened_without_a_restart(served: Served) -> None:
    client = served(Screener)
    assert client.post("/api/screener/screen", json={}).status_code == 409
    store_days(**PRICES)
    assert symbols(client) == ["AAA/USD", "BBB/USD", "CCC/USD"]


def test_a_stored_filter_is_used_by_all_keys_and_changed_by_its_own(served: Served) -> None:
    client = served(Screener, auth="on")
    store_days(**PRICES)
    keys = {
        name: {"X-API-Key": stored_keys().create(name, scope).secret}
        for name, scope in (("ada", "write"), ("bob", "write"), ("eve", "admin"))
    }
    path = "/api/screener/custom-filter"
    assert client.post(path, json=CHEAP, headers=keys["ada"]).status_code == 201
    body = {"filters": [{"type": "cheap"}]}
    found = client.post("/api/screener/screen", json=body, headers=keys["bob"]).json()["result"]
    assert found["filtered_count"] == 2
    change = CHEAP | {"criteria": [ABOVE_15], "version": 1}
    for refused in (
        client.put(f"{path}/cheap", json=change, headers=keys["bob"]),
        client.delete(f"{path}/cheap", headers=keys["bob"]),
    ):
        assert refused.status_code == 403
        assert refused.json()["detail"] == "Filter `cheap` belongs to another key"
        assert "admin" in refused.json()["hint"]
    for name, version in (("ada", 1), ("eve", 2)):
        changed = client.put(
            f"{path}/cheap", json=change | {"version": version}, headers=keys[name]
        )
        assert changed.json()["result"]["version"] == version + 1
    assert client.delete(f"{path}/cheap?asker=x", headers=keys["eve"]).status_code == 422
    assert client.delete(f"{path}/cheap", headers=keys["eve"]).status_code == 200
