"""Requests: what they mean, and what is wrong with one, by the path of the field."""

from typing import Any

import pytest

from market.screen.tables import column, criterion, screen, symbols
from raymill.errors import ConfigError, InputError, UnknownName
from raymill.market.screen.request import SHOWN, Sort, parse_request
from raymill.market.screen.tree import Leaf, Other

PRICE = {"type": "price_filter", "parameters": {"min_price": 1}}


def nested(depth: int) -> Any:
    found: Any = PRICE
    for _ in range(depth):
        found = {"not": found}
    return found


def test_an_empty_request_asks_for_the_hundred_largest() -> None:
    found = parse_request(b"{}")
    assert (found.filters, found.limit, found.offset, found.sort) == ((), 100, 0, ())
    assert found.fields == SHOWN
    assert not found.explain


def test_values_are_read_by_the_type_of_their_field() -> None:
    found = parse_request(
        {
            "filters": [
                criterion("price", "gt", 3),
                criterion("ipo_date", "between", ["1970-01-02", "1970-01-03"]),
                criterion("last_updated", "lt", "1970-01-01T01:00:01.5+01:00"),
                criterion("price", "pct_above", {"field": "sma_50", "pct": 5}),
                criterion("sector", "in", ["A", "B"]),
            ],
            "sort": [{"field": "price"}, {"field": "name", "order": "desc"}],
            "as_of": "2026-01-02",
        }
    )
    assert [leaf.value for leaf in found.filters if isinstance(leaf, Leaf)] == [
        3.0,
        (1.0, 2.0),
        1_500_000.0,
        Other("sma_50", 5.0),
        ("A", "B"),
    ]
    assert found.sort == (Sort("price", False), Sort("name", True))
    assert found.as_of is not None
    assert found.as_of.isoformat() == "2026-01-02T00:00:00+00:00"


def test_bounds_are_included_and_null_is_no_bound() -> None:
    rows = column("price", 1.0, 2.0, 3.0)
    assert symbols(rows, {"type": "price_filter", "parameters": {"min_price": 2}}) == "BC"
    both = {"min_price": 1, "max_price": 2}
    assert symbols(rows, {"type": "price_filter", "parameters": both}) == "AB"
    assert symbols(rows, {"type": "price_filter", "parameters": both | {"min_price": None}}) == (
        "AB"
    )


def test_the_yield_filter_is_in_percent_and_the_field_a_fraction() -> None:
    rows = column("dividend_yield", 0.0175, 0.025, None, dividend_yield_pct=[1.75, 2.5, None])
    assert symbols(rows, {"type": "dividend_yield_filter", "parameters": {"max_yield": 1.75}}) == (
        "A"
    )
    assert symbols(rows, criterion("dividend_yield", "gte", 0.025)) == "B"


def of(field: str, operator: str, *value: Any) -> dict[str, Any]:
    return {"filters": [criterion(field, operator, *value)]}


def seed(name: str, **parameters: Any) -> dict[str, Any]:
    return {"filters": [{"type": name, "parameters": parameters}]}


P, V, O = "filters[0].parameters", "filters[0].value", "filters[0].operator"  # noqa: E741
WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    ({"limt": 3}, "limt", "unknown name `limt`", "did you mean `limit`?"),
    ({"limit": 0}, "limit", "greater than or equal to 1", ""),
    ({"limit": 1001}, "limit", "less than or equal to 1000", ""),
    ({"limit": "5"}, "limit", "valid integer", ""),
    ({"limit": True}, "limit", "valid integer", ""),
    ({"offset": -1}, "offset", "greater than or equal to 0", ""),
    ({"offset": 1, "cursor": "x"}, "cursor", "exclude each other", "give one"),
    ({"explain": "yes"}, "explain", "valid boolean", ""),
    ({"filters": {}}, "filters", "valid list", ""),
    ({"filters": [3]}, "filters[0]", "valid dictionary", ""),
    ({"filters": [{}]}, "filters[0]", "is empty", '{"and": [...]}'),
    ({"filters": [{"feld": "price"}]}, "filters[0].feld", "unknown name", "`field`?"),
    ({"filters": [{"and": []}]}, "filters[0].and", "give a list of filters", ""),
    ({"filters": [{"or": PRICE}]}, "filters[0].or", "give a list of filters", ""),
    ({"filters": [{"or": [PRICE], "and": []}]}, "filters[0].or", "cannot stand beside `and`", ""),
    ({"filters": [{"not": PRICE, "x": 1}]}, "filters[0].x", "cannot stand beside `not`", ""),
    ({"filters": [{"not": [PRICE]}]}, "filters[0].not", "cannot be", ""),
    ({"filters": [{"and": [PRICE, {"not": 5}]}]}, "filters[0].and[1].not", "cannot be `5`", ""),
    (seed("prise_filter"), "filters[0].type", "unknown filter", "did you mean `price_filter`"),
    ({"filters": [{"type": 3}]}, "filters[0].type", "valid string", ""),
    ({"filters": [PRICE | {"id": "x"}]}, "filters[0].id", "cannot be given", ""),
    ({"filters": [{"type": "custom"}]}, "filters[0]", "is a stored filter", "`id` or its `name`"),
    ({"filters": [{"type": "custom", "id": "7"}]}, "filters[0].id", "unknown stored filter", ""),
    (seed("price_filter", min_prize=3), f"{P}.min_prize", "unknown parameter", "`min_price`"),
    (seed("price_filter", min_pe=3), f"{P}.min_pe", "unknown parameter", "max_price, min_price"),
    (seed("price_filter", min_price="3"), f"{P}.min_price", "give a number", ""),
    (seed("price_filter", min_price=True), f"{P}.min_price", "give a number", ""),
    (seed("price_filter", min_price=10**400), f"{P}.min_price", "a finite number", ""),
    (seed("price_filter"), P, "bounds nothing", ""),
    (seed("volume_filter", min_volume=None), P, "bounds nothing: give `min_volume`", ""),
    (seed("pe_ratio_filter", min_pe=3, max_pe=2), f"{P}.min_pe", "is 3, above `max_pe` of 2", ""),
    (of("prize", "gt", 3), "filters[0].field", "unknown field `prize`", "did you mean `price`"),
    (of("price", "gtt", 3), O, "unknown operator `gtt`", "did you mean `gt`"),
    (of("sector", "gt", "a"), O, "`sector` is a string", "there are: eq, ne, in"),
    (of("price", "contains", "a"), O, "`price` is a number", "there are: eq, ne, gt"),
    (of("pe_ratio", "crosses_above", 3), O, "yesterday's `pe_ratio` is not kept", ""),
    (of("index_membership", "eq", "x"), O, "`index_membership` is a list", "contains"),
    (of("price", "gt"), V, "cannot be `null`: give a number", ""),
    (of("price", "gt", "3"), V, "cannot be `3`: give a number", ""),
    (of("price", "gt", True), V, "cannot be `true`: give a number", ""),
    (of("price", "eq", None), V, "give a number", ""),
    (of("price", "gt", {"field": "prise"}), f"{V}.field", "unknown field", "did you mean `price`"),
    (of("price", "gt", {"field": "sector"}), f"{V}.field", "it is a string", ""),
    (of("price", "gt", {"feld": "open"}), f"{V}.feld", "unknown name `feld`", "`field`"),
    (of("price", "gt", {}), f"{V}.field", "is missing", ""),
    (of("price", "between", 3), V, "give `[low, high]`", ""),
    (of("price", "between", [3]), V, "give `[low, high]`", ""),
    (of("price", "between", [3, 2]), V, "the low bound is above the high one", ""),
    (of("price", "not_between", [1, "2"]), f"{V}[1]", "give a number", ""),
    (of("cik", "eq", 1.5), V, "give a whole number", ""),
    (of("cik", "in", [1, "2"]), f"{V}[1]", "give a whole number", ""),
    (of("sector", "in", []), V, "a list of 1 to 500 values", ""),
    (of("sector", "in", ["a"] * 501), V, "a list of 1 to 500 values", ""),
    (of("sector", "eq", 3), V, "cannot be `3`: give a text", ""),
    (of("asset_class", "eq", "equty"), V, "unknown asset_class", "did you mean `equity`"),
    (of("ipo_date", "gt", "2024-13-01"), V, "a day as in `2024-01-31`", ""),
    (of("ipo_date", "gt", "20240101"), V, "a day as in `2024-01-31`", ""),
    (of("last_updated", "gt", "2024-01-01T10:00:00"), V, "it has no zone", "write a `Z`"),
    (of("name", "matches", "("), V, "is no pattern of RE2", ""),
    (of("name", "matches", "(?=a)"), V, "is no pattern of RE2", ""),
    (of("name", "matches", "a" * 201), V, "has 201 characters, 200 are allowed", ""),
    (of("price", "is_null", 3), V, "`is_null` takes no value", ""),
    (of("price", "top", 0), V, "a whole number above 0", ""),
    (of("price", "top", 1.5), V, "a whole number above 0", ""),
    (of("price", "percentile_gte", 101), V, "a number from 0 to 100", ""),
    (of("price", "pct_above", 5), V, "give an object", ""),
    (of("price", "pct_above", {"field": "open"}), f"{V}.pct", "is missing", ""),
    ({"sort": [{"field": "prize"}]}, "sort[0].field", "unknown field", "did you mean `price`"),
    ({"sort": [{"field": "price", "order": "up"}]}, "sort[0].order", "'asc' or 'desc'", ""),
    ({"sort": [{"field": "index_membership"}]}, "sort[0].field", "lists have no order", ""),
    ({"fields": ["price", "prize"]}, "fields[1]", "unknown field", "did you mean `price`"),
    ({"fields": []}, "fields", "at least 1 item", ""),
    ({"as_of": "2024-01-01 10:00"}, "as_of", "it has no zone", "write a `Z`"),
    ({"as_of": "now"}, "as_of", "a time as in", ""),
    ({"universe": []}, "universe", "give 1 to 10000", ""),
    ({"universe": [1]}, "universe[0]", "give a symbol", ""),
    ({"filters": [{"and": [PRICE] * 101}]}, "filters[0].and[100]", "100 are allowed", ""),
    ({"filters": [PRICE] * 101}, "filters", "at most 100 items", ""),
    ({"filters": [nested(9)]}, "filters[0]" + ".not" * 9, "number 9 in depth, 8 are allowed", ""),
]


@pytest.mark.parametrize(("body", "path", "reason", "hint"), WRONG)
def test_a_wrong_request_is_refused_with_the_path_of_what_is_wrong(
    body: dict[str, Any], path: str, reason: str, hint: str
) -> None:
    with pytest.raises((ConfigError, UnknownName)) as found:
        parse_request(body)
    assert found.value.details["path"] == path or path in found.value.message
    assert f"`{path}`" in found.value.message
    assert reason in found.value.message
    assert hint in (found.value.hint or "")


def test_eight_groups_deep_is_allowed() -> None:
    assert symbols(column("price", 1.0, 0.5), nested(8)) == "A"


def test_a_hundred_conditions_are_allowed() -> None:
    assert len(parse_request({"filters": [{"or": [PRICE] * 100}]}).filters) == 1


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"{", InputError, "is no JSON"),
        (b'{"limit": NaN}', InputError, "is no JSON"),
        (b"[" * 100_000, InputError, "is no JSON"),
        (b"[]", ConfigError, "is no JSON object"),
    ],
)
def test_what_is_no_object_is_refused(body: bytes, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        parse_request(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (of("volume", "gt", 3), "`filters[0].field` cannot be `volume`: this universe has no such"),
        (of("price", "gt", {"field": "open"}), "cannot be `open`: this universe has no such"),
        (of("price", "crosses_above", 3), "this universe lacks yesterday's `price`"),
        ({"sort": [{"field": "volume"}]}, "`sort[0].field` cannot be `volume`"),
        ({"universe": "moon"}, "`universe`: unknown universe `moon`"),
        ({"universe": ["A", "AB"]}, "`universe[1]`: unknown symbol `AB`"),
        ({"as_of": "2026-01-02"}, "`as_of` cannot be before 2026-01-02T21:00:00Z"),
    ],
)
def test_what_a_universe_lacks_is_refused(body: dict[str, Any], message: str) -> None:
    filters = body.pop("filters", [])
    with pytest.raises(ConfigError) as found:
        screen(column("price", 1.0, 2.0), *filters, **body)
    assert message in found.value.message
