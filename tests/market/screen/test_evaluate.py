"""Where conditions hold: each operator on each type and on nulls; trees against plain Python."""

from datetime import UTC, date, datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from market.screen.plain import screened
from market.screen.tables import AS_OF, column, criterion, screen, symbols, universe
from raymill.market.screen.fields import catalogue
from raymill.market.screen.operators import OPERATORS, operators_of

D = [date(2020, 1, 1), date(2021, 6, 1), date(2022, 1, 1), None]
T = [datetime(2020, 1, 1, hour, tzinfo=UTC) for hour in (0, 6, 12)]
NUMBERS = ("price", [1.0, 2.0, 3.0, None])
WHOLE = ("cik", [1, 2, 3, None])
DAYS = ("ipo_date", D)
TIMES = ("last_updated", [*T, None])
TEXTS = ("sector", ["Banks", "Energy", "Tech", None])
ENUMS = ("asset_class", ["etf", "equity", "fx", None])
LISTS = ("index_membership", [["dow", "sp500"], ["sp500x"], [], None])

# Rows A, B, C with rising values and D without one: what holds, and what `not` of it holds.
CASES = [
    (NUMBERS, "eq", 2, "B", "AC"),
    (NUMBERS, "ne", 2, "AC", "B"),
    (NUMBERS, "gt", 2, "C", "AB"),
    (NUMBERS, "gte", 2, "BC", "A"),
    (NUMBERS, "lt", 2, "A", "BC"),
    (NUMBERS, "lte", 2, "AB", "C"),
    (NUMBERS, "between", [2, 3], "BC", "A"),
    (NUMBERS, "not_between", [2, 3], "A", "BC"),
    (NUMBERS, "top", 2, "BC", "A"),
    (NUMBERS, "bottom", 2, "AB", "C"),
    (NUMBERS, "top", 9, "ABC", ""),
    (NUMBERS, "percentile_gte", 0, "ABC", ""),
    (NUMBERS, "percentile_gte", 50, "BC", "A"),
    (NUMBERS, "percentile_gte", 50.1, "C", "AB"),
    (NUMBERS, "percentile_gte", 100, "C", "AB"),
    (WHOLE, "eq", 2, "B", "AC"),
    (WHOLE, "ne", 2, "AC", "B"),
    (WHOLE, "gt", 2, "C", "AB"),
    (WHOLE, "gte", 2, "BC", "A"),
    (WHOLE, "lt", 2, "A", "BC"),
    (WHOLE, "lte", 2, "AB", "C"),
    (WHOLE, "between", [1, 2], "AB", "C"),
    (WHOLE, "not_between", [1, 2], "C", "AB"),
    (WHOLE, "in", [1, 3, 9], "AC", "B"),
    (WHOLE, "not_in", [1, 3, 9], "B", "AC"),
    (WHOLE, "top", 1, "C", "AB"),
    (WHOLE, "bottom", 1, "A", "BC"),
    (WHOLE, "percentile_gte", 100, "C", "AB"),
    (DAYS, "eq", "2021-06-01", "B", "AC"),
    (DAYS, "ne", "2021-06-01", "AC", "B"),
    (DAYS, "gt", "2021-06-01", "C", "AB"),
    (DAYS, "gte", "2021-06-01", "BC", "A"),
    (DAYS, "lt", "2021-06-01", "A", "BC"),
    (DAYS, "lte", "2021-06-01", "AB", "C"),
    (DAYS, "between", ["2020-01-01", "2021-06-01"], "AB", "C"),
    (DAYS, "not_between", ["2020-01-01", "2021-06-01"], "C", "AB"),
    (TIMES, "eq", "2020-01-01T06:00:00Z", "B", "AC"),
    (TIMES, "ne", "2020-01-01T07:00:00+01:00", "AC", "B"),
    (TIMES, "gt", "2020-01-01", "BC", "A"),
    (TIMES, "gte", "2020-01-01", "ABC", ""),
    (TIMES, "lt", "2020-01-01T06:00:00.5Z", "AB", "C"),
    (TIMES, "lte", "2020-01-01T06:00:00Z", "AB", "C"),
    (TIMES, "between", ["2020-01-01", "2020-01-01T06:00:00Z"], "AB", "C"),
    (TIMES, "not_between", ["2020-01-01", "2020-01-01T06:00:00Z"], "C", "AB"),
    (TEXTS, "eq", "Energy", "B", "AC"),
    (TEXTS, "eq", "energy", "", "ABC"),
    (TEXTS, "ne", "Energy", "AC", "B"),
    (TEXTS, "in", ["Tech", "Banks", "Void"], "AC", "B"),
    (TEXTS, "not_in", ["Tech", "Banks", "Void"], "B", "AC"),
    (TEXTS, "contains", "e", "BC", "A"),
    (TEXTS, "starts_with", "Ba", "A", "BC"),
    (TEXTS, "matches", "(?i)^e|h$", "BC", "A"),
    (ENUMS, "eq", "equity", "B", "AC"),
    (ENUMS, "ne", "equity", "AC", "B"),
    (ENUMS, "in", ["etf", "fx"], "AC", "B"),
    (ENUMS, "not_in", ["etf", "fx"], "B", "AC"),
    (ENUMS, "contains", "e", "AB", "C"),
    (ENUMS, "starts_with", "e", "AB", "C"),
    (ENUMS, "matches", "^f", "C", "AB"),
    (LISTS, "contains", "sp500", "A", "BC"),
    (LISTS, "in", ["sp500x", "dow"], "AB", "C"),
    (LISTS, "not_in", ["sp500x", "dow"], "C", "AB"),
]
CROSSES = {"crosses_above", "crosses_below", "pct_above", "pct_below"}


@pytest.mark.parametrize(("named", "operator", "value", "matching", "failing"), CASES)
def test_an_operator_holds_or_fails_where_a_value_is_known(
    named: tuple[str, list[Any]], operator: str, value: Any, matching: str, failing: str
) -> None:
    name, values = named
    rows = column(name, *values)
    leaf = criterion(name, operator, value)
    assert "".join(sorted(symbols(rows, leaf))) == matching
    assert "".join(sorted(symbols(rows, {"not": leaf}))) == failing


@pytest.mark.parametrize(
    "named", [NUMBERS, WHOLE, DAYS, TIMES, TEXTS, ENUMS, LISTS], ids=lambda one: one[0]
)
def test_what_is_unknown_is_asked_for_by_name(named: tuple[str, list[Any]]) -> None:
    name, values = named
    rows = column(name, *values)
    assert symbols(rows, criterion(name, "is_null")) == "D"
    assert "".join(sorted(symbols(rows, {"not": criterion(name, "is_null")}))) == "ABC"
    assert "".join(sorted(symbols(rows, criterion(name, "not_null")))) == "ABC"
    assert symbols(rows, {"not": criterion(name, "not_null")}) == "D"


def test_every_operator_of_every_type_is_in_the_table() -> None:
    tried = {(catalogue()[named[0]].type, operator) for named, operator, *_ in CASES}
    for field in catalogue().values():
        for operator in set(operators_of(field)) - CROSSES - {"is_null", "not_null"}:
            kind = "number" if (field.type, operator) not in tried else field.type
            assert (kind, operator) in tried, (field.name, operator)


NOW_AND_THEN = [
    (1.0, 3.0),
    (3.0, 1.0),
    (3.0, 2.0),
    (2.0, 3.0),
    (3.0, None),
    (None, 1.0),
    (2.0, 2.0),
]


def test_a_value_crosses_what_it_was_not_above_before() -> None:
    rows = column(
        "rsi_14",
        *(now for now, _ in NOW_AND_THEN),
        rsi_14_yesterday=[then for _, then in NOW_AND_THEN],
    )
    assert symbols(rows, criterion("rsi_14", "crosses_above", 2)) == "BC"
    assert symbols(rows, {"not": criterion("rsi_14", "crosses_above", 2)}) == "ADG"
    assert symbols(rows, criterion("rsi_14", "crosses_below", 2)) == "A"
    assert symbols(rows, criterion("rsi_14", "crosses_below", 2.5)) == "AD"


def test_a_field_crosses_another_by_the_values_of_both_days() -> None:
    rows = column(
        "price",
        *(5.0, 5.0, 4.0, 5.0),
        prev_close=[3.0, 5.0, 9.0, 3.0],
        sma_20=[4.0, 4.0, 4.0, 4.0],
        sma_20_yesterday=[3.5, 4.5, 4.5, None],
    )
    above = criterion("price", "crosses_above", {"field": "sma_20"})
    assert symbols(rows, above) == "A"
    assert symbols(rows, {"not": above}) == "BC"


def test_a_distance_counts_from_the_other_field_also_below_zero() -> None:
    now = [105.0, 104.9, -95.0, -96.0, None, 95.0, -105.0]
    rows = column("macd", *now, macd_signal=[100, 100, -100, -100, 1, 100, -100])
    five = {"field": "macd_signal", "pct": 5}
    assert symbols(rows, criterion("macd", "pct_above", five)) == "AC"
    assert symbols(rows, criterion("macd", "pct_below", five)) == "FG"
    assert symbols(rows, {"not": criterion("macd", "pct_above", five)}) == "BDFG"


def test_texts_are_compared_with_texts_of_another_field() -> None:
    rows = column("sector", *("a", "b", None, "c"), industry=["a", "c", "a", None])
    same = criterion("sector", "eq", {"field": "industry"})
    assert (symbols(rows, same), symbols(rows, {"not": same})) == ("A", "B")
    assert symbols(rows, criterion("sector", "ne", {"field": "industry"})) == "B"


def test_ties_of_a_rank_go_to_the_larger_company_then_the_symbol() -> None:
    caps = [1.0, 3.0, None, 3.0]
    rows = column("volume", *(5.0, 5.0, 5.0, 5.0), market_cap=caps)
    assert symbols(rows, criterion("volume", "top", 1)) == "B"
    assert symbols(rows, criterion("volume", "bottom", 3)) == "BDA"


def test_a_pattern_that_hangs_elsewhere_is_answered_at_once() -> None:
    rows = column("name", "a" * 5000 + "!", "b")
    assert symbols(rows, criterion("name", "matches", "(a*)*(a*)*(a*)*b")) == "B"


def test_an_explanation_counts_what_each_filter_left() -> None:
    rows = column("price", 1.0, 2.0, 3.0, None, volume=[9.0, None, 7.0, 6.0])
    tree = {"or": [criterion("volume", "gt", 8), {"not": criterion("price", "gt", 2)}]}
    found = screen(rows, criterion("price", "gte", 1), tree, explain=True).explain
    assert found is not None
    counts = ("before", "after", "matching", "unknown")
    assert [[step[name] for name in counts] for step in found] == [[4, 3, 3, 1], [3, 2, 2, 1]]
    assert found[1]["filter"] == "volume gt 8 or (not (price gt 2))"
    assert [part["matching"] for part in found[1]["parts"]] == [1, 2]
    assert found[1]["parts"][1]["parts"][0]["path"] == "filters[1].or[1].not"


# -- any table, any tree --

FLOATS = st.sampled_from([None, -2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 1e300])
WORDS = st.sampled_from([None, "", "Banks", "banks", "Bank of Å", "Tech", "日本"])
ROWS = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(["A", "B", "NAN", "Z"]),
        "price": FLOATS,
        "price_yesterday": FLOATS,
        "volume": FLOATS,
        "volume_yesterday": FLOATS,
        "pe_ratio": FLOATS,
        "market_cap": FLOATS,
        "cik": st.sampled_from([None, 1, 2, 3]),
        "sector": WORDS,
        "industry": WORDS,
        "ipo_date": st.sampled_from(D),
        "last_updated": st.sampled_from([*T, None]),
        "index_membership": st.none() | st.lists(st.sampled_from(["dow", "sp500"]), max_size=2),
    }
)
VALUE = st.sampled_from([-1, 0, 0.5, 1, 2, 1e300])
WORD = WORDS.filter(lambda word: word is not None)
NUMBER_FIELDS = ("price", "volume", "pe_ratio", "market_cap")
CROSSED = ("price", "volume")
COMPARE = ("eq", "ne", "gt", "gte", "lt", "lte")


def leaf(fields: Any, operators: Any, values: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(criterion, st.sampled_from(fields), st.sampled_from(operators), values)


def other(fields: tuple[str, ...]) -> st.SearchStrategy[dict[str, str]]:
    return st.sampled_from([{"field": name} for name in fields])


def bounds(values: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=2, max_size=2).map(sorted)


DAY = st.sampled_from(["2020-01-01", "2021-06-01", "2021-06-02"])
TIME = st.sampled_from(["2020-01-01", "2020-01-01T06:00:00Z", "2020-01-01T13:00:00+01:00"])
DISTANCE = st.sampled_from([{"field": "price", "pct": pct} for pct in (-50, 0, 25.5)])
LEAVES = st.one_of(
    leaf(NUMBER_FIELDS, COMPARE, VALUE | other(NUMBER_FIELDS)),
    leaf(NUMBER_FIELDS, ("between", "not_between"), bounds(VALUE)),
    leaf(
        ("price", "volume"), ("crosses_above", "crosses_below"), VALUE | other(("price", "volume"))
    ),
    leaf(NUMBER_FIELDS, ("pct_above", "pct_below"), DISTANCE),
    leaf(NUMBER_FIELDS, ("top", "bottom"), st.integers(1, 5)),
    leaf(NUMBER_FIELDS, ("percentile_gte",), st.sampled_from([0, 30, 50, 66.6, 100])),
    leaf(("cik",), ("in", "not_in"), st.lists(st.integers(1, 4), min_size=1, max_size=3)),
    leaf(("sector", "industry"), ("eq", "ne"), WORD | other(("sector", "industry"))),
    leaf(("sector",), ("in", "not_in"), st.lists(WORD, min_size=1, max_size=3)),
    leaf(("sector", "symbol"), ("contains", "starts_with"), WORD),
    leaf(("sector",), ("matches",), st.sampled_from(["^B", "nk", "(?i)BANK", "^$", "[å日]"])),
    leaf(("ipo_date",), COMPARE, DAY),
    leaf(("last_updated",), COMPARE, TIME),
    leaf(("last_updated",), ("between", "not_between"), bounds(st.just("2020-01-01T06:00:00Z"))),
    leaf(("index_membership",), ("contains",), st.sampled_from(["dow", "d"])),
    leaf(("index_membership",), ("in", "not_in"), st.just(["dow", "x"])),
    st.builds(
        criterion,
        st.sampled_from(["price", "sector", "ipo_date", "index_membership", "cik"]),
        st.sampled_from(["is_null", "not_null"]),
    ),
    st.builds(
        lambda low: {"type": "price_filter", "parameters": {"min_price": low}}, st.none() | VALUE
    ).filter(lambda one: one["parameters"]["min_price"] is not None),
)


def grown(parts: Any) -> Any:
    several = st.lists(parts, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda found: {"and": found}, several),
        st.builds(lambda found: {"or": found}, several),
        st.builds(lambda found: {"not": found}, parts),
    )


SORT = st.lists(
    st.fixed_dictionaries(
        {
            "field": st.sampled_from(["price", "sector", "ipo_date", "symbol"]),
            "order": st.sampled_from(["asc", "desc"]),
        }
    ),
    max_size=2,
)


@given(
    st.lists(ROWS, min_size=1, max_size=12),
    st.lists(st.recursive(LEAVES, grown, max_leaves=6), max_size=3),
    SORT,
)
def test_a_screen_is_what_plain_python_finds(
    rows: list[dict[str, Any]], filters: list[Any], sort: list[dict[str, str]]
) -> None:
    keyed = [row | {"instrument": f"{at:02}"} for at, row in enumerate(rows)]
    snapshot = universe(*keyed, as_of=AS_OF)
    found = screen(snapshot, *filters, sort=sort, limit=1000)
    expected = screened(keyed, filters, sort)
    by_key = {one["instrument"]: one for one in keyed}
    assert [row["symbol"] for row in found.stocks] == [by_key[key]["symbol"] for key in expected]
    assert [row["price"] for row in found.stocks] == [by_key[key]["price"] for key in expected]
    assert found.filtered_count == len(expected)


@given(st.lists(ROWS, min_size=6, max_size=9), st.lists(LEAVES, min_size=10, max_size=10))
def test_each_condition_alone_is_what_plain_python_finds(
    rows: list[dict[str, Any]], conditions: list[Any]
) -> None:
    keyed = [row | {"instrument": f"{at:02}"} for at, row in enumerate(rows)]
    snapshot, by_key = universe(*keyed, as_of=AS_OF), {row["instrument"]: row for row in keyed}
    for one in conditions:
        for node in (one, {"not": one}):
            found = screen(snapshot, node, limit=1000).stocks
            expected = [by_key[key] for key in screened(keyed, [node], [])]
            for name in ("symbol", "price"):
                assert [row[name] for row in found] == [row[name] for row in expected], node


def test_the_operators_are_those_of_the_design() -> None:
    assert " ".join(OPERATORS) == (
        "eq ne gt gte lt lte between not_between in not_in contains starts_with matches is_null "
        "not_null crosses_above crosses_below pct_above pct_below top bottom percentile_gte"
    )
