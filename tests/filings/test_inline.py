"""Inline documents: expected values are worked out by hand from the mark-up in each test."""

from datetime import date
from decimal import Decimal

import pytest

from filings.bodies import APPLE, APPLE_KEY, SEC, fact, inline, real
from raymill.filings import extract, extract_file, markup
from raymill.filings.document import Document
from raymill.filings.schema import FACTS


def one(text: str, attributes: str = "") -> dict[str, object]:
    found = extract(inline(fact(text, attributes)))
    assert not found.problems
    (row,) = found.facts.to_pylist()
    return row


def test_a_row_says_everything_about_a_fact_and_where_it_comes_from() -> None:
    found = extract(
        inline(fact("1,234.5", 'scale="6" decimals="-5" id="f1" format="ixt:num-dot-decimal"'))
    )
    assert found.reason is None
    assert found.facts.schema == FACTS
    assert found.facts.to_pylist() == [
        {
            "cik": 12345,
            "entity": "Tiny Bikes Inc.",
            "ticker": "TNY-B",
            "taxonomy": "us-gaap",  # the document calls it gaap
            "concept": "Revenues",
            "unit": "USD",
            "start": date(2024, 1, 1),
            "end": date(2024, 12, 31),
            "value": 1_234_500_000.0,
            "value_text": "1234500000",
            "decimals": -5,
            "is_exact": False,
            "dims": [],
            "fy": 2024,
            "fp": "FY",
            "form": "10-K/A",
            "accession": None,
            "filed": None,
            "accepted": None,
            "frame": None,
            "source": "inline",
            "is_amendment": True,
            "seq": 0,
            "document": "tiny-20241231.htm",
            "context": "year",
            "fact_id": "f1",
        }
    ]


@pytest.mark.parametrize(
    ("text", "attributes", "expected"),
    [
        ("12", 'sign="-"', "-12"),
        ("0", 'sign="-"', "0"),
        ("1.234.567,89", 'format="ixt:num-comma-decimal"', "1234567.89"),
        ("1 234,5", 'format="ixt1:numspacecomma"', "1234.5"),
        ("12,34,567.8", 'format="ixt:numdotdecimalin"', "1234567.8"),
        ("—", 'format="ixt:fixed-zero"', "0"),
        ("-", 'format="ixt2:zerodash"', "0"),
        ("Twenty-five", 'format="ixt-sec:numwordsen"', "25"),
        ("3 dollars 7 cents", 'format="ixt:num-unit-decimal"', "3.07"),
        ("5.3", 'scale="-2"', "0.053"),
        (".5", 'scale="3"', "500"),
        ("007", "", "7"),
        ("12345678901234567890.123456789", "", "12345678901234567890.123456789"),
        ("1<b>2</b>3&nbsp;", 'format="ixt:num-dot-decimal"', "123"),
    ],
)
def test_a_printed_number_becomes_the_exact_one(text: str, attributes: str, expected: str) -> None:
    row = one(text, attributes)
    assert row["value_text"] == expected
    assert row["value"] == float(expected)


def test_a_fact_that_says_there_is_none_is_a_row_without_a_value() -> None:
    row = one("", 'xsi:nil="true"')
    assert row["value"] is row["value_text"] is row["decimals"] is None


def test_exact_numbers_have_a_flag() -> None:
    row = one("3", 'decimals="INF"')
    assert (row["decimals"], row["is_exact"]) == (None, True)


def test_dimensions_units_and_instants() -> None:
    facts = fact("7", 'contextRef="bikes"') + fact("1.65", 'contextRef="end" unitRef="eps"')
    bikes, eps = extract(inline(facts)).facts.to_pylist()
    assert bikes["dims"] == [
        ("tiny:PlaceAxis", "Delft"),
        ("us-gaap:ProductAxis", "tiny:BikesMember"),
    ]
    # an instant at midnight is the end of the day before
    assert (eps["unit"], eps["start"], eps["end"]) == ("USD/shares", None, date(2024, 12, 31))


def test_a_number_within_a_number_is_two_facts() -> None:
    inner = fact("5", name="gaap:Inner")
    rows = extract(inline(fact(inner, name="gaap:Outer"))).facts.to_pylist()
    assert [(row["concept"], row["value_text"]) for row in rows] == [("Outer", "5"), ("Inner", "5")]


@pytest.mark.parametrize(
    ("text", "attributes", "reason"),
    [
        ("n/a", "", "`n/a` is no number"),
        ("1,000", "", "`1,000` is no number"),  # no format, no grouping
        ("1", 'format="ixt:num-hebrew"', "unknown format `ixt:num-hebrew`"),
        ("1", 'scale="999999999"', "scale 999999999"),
        ("1", 'contextRef="nowhere"', "context `nowhere` is not declared"),
        ("1", 'unitRef="euro"', "unit `euro` is not declared"),
        ("9" * 2000, "", "a number of more than 1,000 characters"),
    ],
)
def test_a_bad_fact_is_a_problem_and_the_others_stay(
    text: str, attributes: str, reason: str
) -> None:
    found = extract(inline(fact(text, attributes) + fact("2")))
    assert [row["value_text"] for row in found.facts.to_pylist()] == ["2"]
    assert [(problem.concept, problem.reason) for problem in found.problems] == [
        ("Revenues", reason)
    ]


def test_a_cover_page_that_makes_no_sense_is_left_out() -> None:
    odd = {b">2024<": b">20240<", b">tny.b<": b">../../evil<"}
    page = inline(fact("5")).data
    for old, new in odd.items():
        page = page.replace(old, new)
    (row,) = extract(Document("odd.htm", page)).facts.to_pylist()
    assert row["fy"] is row["ticker"] is None


def test_without_a_number_there_is_a_reason() -> None:
    found = extract(inline(""))
    assert found.facts.num_rows == 0
    assert found.reason == "10-K/A has XBRL, but no numeric fact"


def test_a_document_too_large_for_its_tree_gives_the_same_facts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Numbers 0 to 500 in paragraphs, the last of them around another."""
    last = fact("<p>" + fact("501", name="gaap:Inner") + "</p>")
    facts = "".join(f"<p>{fact(str(n))}</p>" for n in range(501)) + last
    page = inline(f"<div>{facts}</div>")
    page = Document(page.name, page.data.replace(b"<b>Bikes</b>", b"<p>Bikes</p>"))
    whole = extract(page).facts
    monkeypatch.setattr(markup, "LARGE", 0)
    streamed = extract(page).facts
    assert streamed.equals(whole)
    assert set(streamed["entity"].to_pylist()) == {"Tiny Bikes Inc."}
    assert whole["value_text"].to_pylist() == [*map(str, range(501)), "501", "501"]
    assert whole["concept"].to_pylist()[-2:] == ["Revenues", "Inner"]


@real
def test_all_674_facts_of_the_apple_10q_are_those_of_the_sec() -> None:
    ours, key = (extract_file(str(SEC / name)) for name in (APPLE, APPLE_KEY))
    assert ours.problems == key.problems == ()
    assert ours.facts.num_rows == key.facts.num_rows == 674
    leave = {"source", "document", "seq", "value_text"}
    theirs = {row["fact_id"]: row for row in key.facts.to_pylist()}
    for row in ours.facts.to_pylist():
        their = theirs.pop(row["fact_id"])
        assert {k: v for k, v in row.items() if k not in leave} == {
            k: v for k, v in their.items() if k not in leave
        }
        assert decimal(row["value_text"]) == decimal(their["value_text"])
    assert not theirs


def decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@real
def test_the_apple_10q_says_what_its_readme_says() -> None:
    rows = extract_file(str(SEC / APPLE)).facts.to_pylist()
    plain = {(r["concept"], r["start"], r["end"]): r["value_text"] for r in rows if not r["dims"]}
    quarter, half = date(2024, 12, 29), date(2024, 9, 29)
    end = date(2025, 3, 29)
    sales = "RevenueFromContractWithCustomerExcludingAssessedTax"
    assert plain[sales, quarter, end] == "95359000000"
    assert plain[sales, half, end] == "219659000000"
    assert plain["NetIncomeLoss", quarter, end] == "24780000000"
    assert plain["NetIncomeLoss", half, end] == "61110000000"
    assert plain["EarningsPerShareDiluted", quarter, end] == "1.65"
    assert plain["EarningsPerShareDiluted", half, end] == "4.05"
    assert len({row["context"] for row in rows}) == 152  # of 163, the others are of texts
    assert sum(not row["dims"] for row in rows) > 247  # what companyfacts has of it
    first = rows[0]
    assert (first["cik"], first["ticker"], first["fp"]) == (320193, "AAPL", "Q2")
    assert first["accession"] == "0000320193-25-000057"


def test_facts_may_lie_in_the_old_namespace() -> None:
    page = inline(fact("5")).data.replace(b"/2013/inlineXBRL", b"/2008/inlineXBRL")
    assert extract(Document("old.htm", page)).facts.num_rows == 1
