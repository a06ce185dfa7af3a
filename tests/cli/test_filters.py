"""`raymill filters`: stored, listed, changed, taken away, and used by a screen."""

import json

import pytest

from cli.running import Shell

CHEAP = {
    "name": "cheap",
    "criteria": [
        {"field": "pe_ratio", "operator": "lt", "value": 10},
        {
            "or": [
                {"field": "sector", "operator": "eq", "value": "Energy"},
                {"type": "price_filter", "parameters": {"max_price": 5}},
            ]
        },
    ],
    "description": "for little money",
}
ROWS = """symbol,price,pe_ratio,sector
AAA,4,5,Health
BBB,40,5,Energy
CCC,40,5,Health
DDD,4,50,Energy
"""


@pytest.fixture
def filters(sh: Shell) -> Shell:
    sh.write("cheap.json", json.dumps(CHEAP))
    sh.write("all.csv", ROWS)
    sh.write("request.json", '{"filters": [{"type": "custom", "name": "cheap"}]}')
    return sh


def test_a_stored_filter_is_listed_shown_and_used_by_a_screen(filters: Shell) -> None:
    done = filters("filters", "add", "cheap.json")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("stored `cheap` as flt-")
    row = filters("filters", "ls").out.splitlines()[1]
    assert row.split()[:2] == ["cheap", "1"]
    assert "pe_ratio lt 10 and (sector eq Energy or price_filter(max_..." in row
    assert "  (sector eq Energy or price_filter(max_price=5))\n" in (
        filters("filters", "show", "cheap").out
    )
    answer = filters("screen", "request.json", "--universe", "all.csv", "--json")
    assert [one["symbol"] for one in json.loads(answer.out)["stocks"]] == ["AAA", "BBB"]


def test_a_name_is_taken_once_and_replaced_by_a_new_version(filters: Shell) -> None:
    filters("filters", "add", "cheap.json")
    again = filters("filters", "add", "cheap.json")
    assert (again.code, again.err.splitlines()[0]) == (
        2,
        "error: A filter named `cheap` is stored already",
    )
    filters.write("cheap.json", json.dumps({**CHEAP, "criteria": CHEAP["criteria"][:1]}))
    made = json.loads(filters("filters", "add", "cheap.json", "--replace", "--json").out)
    assert (made["version"], len(made["criteria"])) == (2, 1)
    every = json.loads(filters("filters", "show", "cheap", "--versions", "--json").out)
    assert [(one["version"], len(one["criteria"])) for one in every] == [(1, 2), (2, 1)]


def test_a_filter_that_is_taken_away_can_still_be_read_by_its_id(filters: Shell) -> None:
    one = json.loads(filters("filters", "add", "cheap.json", "--json").out)["id"]
    assert filters("filters", "rm", "cheap").err == "took `cheap` away\n"
    assert json.loads(filters("filters", "ls", "--json").out) == []
    assert "There is no stored filter `cheap`" in filters("filters", "show", "cheap").err
    assert filters("filters", "show", one, "--versions").out.startswith("cheap, version 1 (flt-")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "`bad.json` holds no filter"),
        ("{", "`bad.json` is not JSON"),
        (
            '{"name": "x", "criteria": [{"field": "prise", "operator": "lt", "value": 1}]}',
            "`criteria[0].field`: unknown field `prise`",
        ),
    ],
)
def test_what_is_no_filter_is_refused(filters: Shell, text: str, error: str) -> None:
    filters.write("bad.json", text)
    done = filters("filters", "add", "bad.json")
    assert done.code == 2
    assert error in done.err
    assert filters("filters", "add", "none.json").code == 2
    assert "unknown stored filter" in filters("filters", "rm", "nope").err.lower()
