"""Stored bars over HTTP: pages of them, with what lacks named, and nobody asked."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from raymill.app.market.imports import import_file
from raymill.services.tickscrawler import Tickscrawler
from services.conftest import Served

PATH = "/api/tickscrawler/historical"
HEAD = "ts,open,high,low,close,volume\n"


@pytest.fixture
def client(served: Served, tmp_path: Path) -> TestClient:
    """Hours of ABC on 2024-01-02 and of 2024-01-03, imported from two files; none in between."""
    for day, hours in ((2, range(6)), (3, range(12, 18))):
        rows = [f"2024-01-0{day}T{hour:02}:00:00Z,1,{hour + 2},1,1,10" for hour in hours]
        (tmp_path / "ABC.csv").write_text(HEAD + "\n".join(rows) + "\n")
        import_file(tmp_path / "ABC.csv", "bar", interval="1h")
    return served(Tickscrawler)


def _asked(**given: Any) -> dict[str, Any]:
    range_ = {"start_date": "2024-01-02", "end_date": "2024-01-03T18:00:00Z"}
    return {"symbol": "ABC", "interval": "1h", **range_, **given}


def test_stored_bars_come_with_the_holes_between_them(client: TestClient) -> None:
    answer = client.get(PATH, params=_asked())
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    assert (result["source_id"], result["data_points"], result["next_cursor"]) == ("file", 12, None)
    assert result["holes"] == [{"start": "2024-01-02T06:00:00Z", "end": "2024-01-03T12:00:00Z"}]
    assert result["lacking"][0] == "not complete: 2024-01-02T06:00:00Z to 2024-01-03T12:00:00Z"
    first = result["data"][0]
    names = ("timestamp", "symbol", "open", "high", "low", "close", "volume")
    assert [first[name] for name in names] == ["2024-01-02T00:00:00Z", "ABC", 1, 2, 1, 1, 10]


def test_pages_follow_one_another_without_a_double(client: TestClient) -> None:
    pages, cursor = list[list[str]](), None
    while not pages or cursor is not None:
        given = _asked(limit=5) | ({"cursor": cursor} if cursor else {})
        result = client.get(PATH, params=given).json()["result"]
        pages.append([row["timestamp"] for row in result["data"]])
        cursor = result["next_cursor"]
    assert [len(page) for page in pages] == [5, 5, 2]
    times = [time for page in pages for time in page]
    assert times == sorted(set(times))


def test_bars_of_a_longer_interval_are_built_from_stored_ones(client: TestClient) -> None:
    given = _asked(interval="2h", end_date="2024-01-02T06:00:00Z")
    result = client.get(PATH, params=given).json()["result"]
    assert result["built_from"] == "bar 1h"
    assert [(row["timestamp"], row["high"], row["volume"]) for row in result["data"]] == [
        ("2024-01-02T00:00:00Z", 3, 20),
        ("2024-01-02T02:00:00Z", 5, 20),
        ("2024-01-02T04:00:00Z", 7, 20),
    ]


def test_a_get_with_a_body_is_answered_too(client: TestClient) -> None:
    answer = client.request("GET", PATH, json=_asked(limit=1))
    assert answer.json()["result"]["data_points"] == 1


def test_a_well_known_symbol_that_was_never_crawled_is_one_hole(client: TestClient) -> None:
    given = _asked(symbol="BTCUSDT", end_date="2024-01-31")
    result = client.get(PATH, params=given).json()["result"]
    assert (result["source"], result["data"], result["holes_total"]) == ("Binance", [], 1)
    assert result["holes"] == [{"start": "2024-01-02T00:00:00Z", "end": "2024-01-31T00:00:00Z"}]


@pytest.mark.parametrize(
    ("given", "status", "path"),
    [
        ({"symbol": "ABD"}, 404, None),
        ({"source_id": "fill"}, 404, None),
        ({"source_id": "binance"}, 404, None),
        ({"interval": "7m"}, 422, "interval"),
        ({"start_date": "soon"}, 422, "start_date"),
        ({"end_date": "2024-01-01"}, 422, "end_date"),
        ({"cursor": "x"}, 422, "cursor"),
        ({"limit": 1001}, 422, "limit"),
        ({"symbols": "ABC"}, 422, "symbols"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    client: TestClient, given: dict[str, Any], status: int, path: str | None
) -> None:
    answer = client.get(PATH, params=_asked(**given))
    assert answer.status_code == status, answer.text
    assert [one["path"] for one in answer.json()["errors"]] == ([path] if path else [])
