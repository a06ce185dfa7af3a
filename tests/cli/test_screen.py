"""`raymill screen` on a small file and on the real ones."""

import json
from pathlib import Path

import pytest

from cli.running import Shell
from raymill.app.screens import stored_filters

COMPANIES = """\
Symbol,Name,Sector,Price,Price/Earnings,Dividend Yield,Earnings/Share,Market Cap,Notes
NAN,Nano,Tech,20,10,0.0175,2,1000,a
BBB,Bee,Banks,5,,,-1,3000,b
CCC,Sea,Tech,,,,,,
"""


@pytest.fixture
def market(sh: Shell) -> Shell:
    sh.write("companies.csv", COMPANIES)
    return sh


def asked(market: Shell, body: dict[str, object], *options: str) -> tuple[int, str, str]:
    market.write("request.json", json.dumps(body))
    return market("screen", "request.json", "--universe", "companies.csv", *options)


def test_a_screen_is_a_table_with_counts_beside_it(market: Shell) -> None:
    code, out, err = asked(market, {"fields": ["price"], "limit": 2})
    assert (code, out.splitlines()) == (0, ["symbol  price", "BBB         5", "NAN        20"])
    assert "not read: Notes\n3 of 3 match, 2 shown; as of " in err
    assert 'the next page: "as_of": "' in err


def test_json_bears_the_names_of_the_service(market: Shell) -> None:
    body = {"filters": [{"type": "dividend_yield_filter", "parameters": {"max_yield": 1.75}}]}
    code, out, _ = asked(market, body, "--json", "--explain")
    answer = json.loads(out)
    assert code == 0
    counts = ("total_stocks", "filtered_count", "returned", "filters_applied", "next_cursor")
    assert [answer[name] for name in counts] == [3, 1, 1, 1, None]
    assert [(step["before"], step["after"], step["unknown"]) for step in answer["explain"]] == [
        (3, 1, 2)
    ]
    assert answer["stocks"] == [
        {
            "symbol": "NAN",
            "name": "Nano",
            "price": 20.0,
            "volume": None,
            "market_cap": 1000.0,
            "pe_ratio": 10.0,
            "dividend_yield": 0.0175,
            "sector": "Tech",
            "last_updated": None,
        }
    ]


@pytest.mark.parametrize(
    ("filters", "message", "hint"),
    [
        ([{"type": "prise_filter"}], "`filters[0].type`: unknown filter `prise_filter`", "price_f"),
        (
            [{"and": [{"field": "volume", "operator": "gt", "value": 3}]}],
            "`filters[0].and[0].field` cannot be `volume`: this universe has no such column",
            "",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_path(
    market: Shell, filters: list[object], message: str, hint: str
) -> None:
    code, out, err = asked(market, {"filters": filters})
    assert (code, out) == (2, "")
    assert message in err
    assert hint in err


# Counted with `csv` and `float` alone: 10 <= price <= 500 and P/E <= 15 in 503 rows.
def test_the_real_companies_are_screened(sh: Shell, shared_data: Path) -> None:
    filters = [
        {"type": "price_filter", "parameters": {"min_price": 10, "max_price": 500}},
        {"type": "pe_ratio_filter", "parameters": {"max_pe": 15}},
    ]
    sh.write("request.json", json.dumps({"filters": filters, "limit": 1}))
    file = shared_data / "market" / "screener" / "sp500_financials_2026-08.csv"
    done = sh("screen", "request.json", "--universe", str(file), "--json")
    answer = json.loads(done.out)
    assert (answer["total_stocks"], answer["filtered_count"]) == (503, 77)


def test_a_stored_filter_is_known_by_name(market: Shell) -> None:
    criteria = [{"field": "sector", "operator": "eq", "value": "Tech"}]
    stored_filters().create({"name": "tech", "criteria": criteria})
    code, out, _ = asked(market, {"filters": [{"type": "tech"}], "fields": ["symbol"]})
    assert (code, out.split()) == (0, ["symbol", "NAN", "CCC"])
