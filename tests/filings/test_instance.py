"""Classic instances: expected values stand in the mark-up of each test, or in the real file."""

from datetime import date

import pytest

from filings.bodies import SEC, instance, real
from raymill.filings import extract, extract_file

COVER = """<dei:EntityRegistrantName contextRef="year">Tiny Bikes</dei:EntityRegistrantName>
<dei:DocumentType contextRef="year">10-K</dei:DocumentType>"""


def test_contexts_may_come_behind_the_facts() -> None:
    found = extract(
        instance(f"""{COVER}<gaap:Revenues id="a" contextRef="year" unitRef="usd" decimals="-3">
        87471000 </gaap:Revenues><tiny:Wheels contextRef="bikes" unitRef="usd" decimals="INF">-4.50
        </tiny:Wheels>""")
    )
    sales, wheels = found.facts.to_pylist()
    assert (sales["taxonomy"], sales["concept"], sales["fact_id"]) == ("us-gaap", "Revenues", "a")
    assert (sales["value"], sales["value_text"], sales["decimals"]) == (87471000.0, "87471000", -3)
    assert (sales["start"], sales["end"]) == (date(2024, 1, 1), date(2024, 12, 31))
    assert (sales["entity"], sales["form"], sales["cik"]) == ("Tiny Bikes", "10-K", 12345)
    assert (wheels["value_text"], wheels["is_exact"], wheels["source"]) == (
        "-4.50",
        True,
        "instance",
    )
    assert dict(wheels["dims"]) == {
        "tiny:PlaceAxis": "Delft",
        "us-gaap:ProductAxis": "tiny:BikesMember",
    }


@pytest.mark.parametrize(
    ("text", "precision", "decimals"),
    [("1234", "2", -2), ("0.0123", "2", 3), ("1.5e3", "2", -2), ("12.34", "INF", None)],
)
def test_precision_is_told_as_decimals(text: str, precision: str, decimals: int | None) -> None:
    fact = f'<gaap:A contextRef="year" unitRef="usd" precision="{precision}">{text}</gaap:A>'
    (row,) = extract(instance(fact)).facts.to_pylist()
    assert (row["decimals"], row["is_exact"]) == (decimals, precision == "INF")
    assert row["value_text"] == text


def test_nil_and_bad_facts() -> None:
    found = extract(
        instance("""<gaap:A contextRef="year" unitRef="usd" xsi:nil="true"/>
        <gaap:B contextRef="year" unitRef="usd" decimals="0">many</gaap:B>
        <gaap:C contextRef="year" unitRef="usd" decimals="0">1e400</gaap:C>""")
    )
    assert found.facts.select(["concept", "value", "value_text"]).to_pylist() == [
        {"concept": "A", "value": None, "value_text": None},
        {"concept": "C", "value": None, "value_text": "1e400"},  # beyond a float, kept as text
    ]
    assert [(p.concept, p.reason) for p in found.problems] == [("B", "`many` is no number")]


@real
def test_the_netflix_instance_of_2010() -> None:
    """Counts and values as `grep` finds them in the file."""
    found = extract_file(str(SEC / "archives/nflx-10q-2010q3/nflx-20100930.xml.gz"))
    rows = found.facts.to_pylist()
    assert (len(rows), found.problems) == (282, ())
    assert {row["form"] for row in rows} == {"10-Q"}
    wanted = {"CashAndCashEquivalentsAtCarryingValue", "EntityCommonStockSharesOutstanding"}
    values = {r["concept"]: r for r in rows if r["concept"] in wanted and r["end"].year == 2010}
    assert values["CashAndCashEquivalentsAtCarryingValue"]["decimals"] == -3
    shares = values["EntityCommonStockSharesOutstanding"]
    assert (shares["value_text"], shares["is_exact"], shares["taxonomy"]) == (
        "52257495",
        True,
        "dei",
    )


@real
def test_the_tesla_instance_with_typed_members() -> None:
    """1,044 elements with a unit, two of them nil, by `grep -c` over the file."""
    found = extract_file(str(SEC / "archives/tsla-10q-2024q2/tsla-20240630_htm.xml.gz"))
    rows = found.facts.to_pylist()
    assert (len(rows), found.problems) == (1044, ())
    assert sum(row["value"] is None for row in rows) == 2
    assert sum(bool(row["dims"]) for row in rows) > 500
    typed = {m for r in rows for _, m in r["dims"] if ":" not in m}
    assert typed  # a typed member is a text, no name
