"""Each row of the area `filings` on small documents: finite figures, on the right records."""

import math
from pathlib import Path

import pytest

from raymill.bench.areas import cases
from raymill.bench.case import Case
from raymill.bench.filings import lookalike
from raymill.bench.measure import Wanted, measure
from raymill.filings import extract
from raymill.filings.document import Document

ROWS = cases(["filings"], large=True)
BULK = [case for case in ROWS if ".bulk_" in case.name]


@pytest.mark.system
@pytest.mark.parametrize(
    "case", [case for case in ROWS if case not in BULK], ids=lambda case: case.name
)
def test_a_row_gives_a_finite_figure_on_its_records(case: Case) -> None:
    (row, *_) = measure(Wanted((case.name,), runs=1, records=500_000))["rows"]
    assert math.isfinite(row["median"])
    assert row["median"] >= 0
    # a tenth of 25,000 rows of an answer, of 674 facts of a page
    assert row["records"] == (67 if ".inline" in case.name else 2500)


@pytest.mark.system
@pytest.mark.parametrize("case", BULK[2:6:2], ids=lambda case: case.name)
def test_a_row_of_a_bulk_file_gives_a_finite_figure(case: Case) -> None:
    (row, *_) = measure(Wanted((case.name,), runs=1, records=20_000))["rows"]
    assert math.isfinite(row["median"])
    assert row["median"] > 0
    assert row["records"] == 4  # of 1,000


def test_made_documents_are_read_whole() -> None:
    page = extract(Document("page.htm", lookalike.quarterly_report(674)))
    assert (page.facts.num_rows, page.problems) == (674, ())
    answer = extract(Document("answer.json", lookalike.companyfacts(120)))
    assert answer.facts.num_rows == 120


@pytest.mark.system
def test_real_documents_are_taken_where_they_are(shared_data: Path) -> None:
    wanted = Wanted(("filings.inline",), runs=1, data=shared_data / "sec")
    (row, bare, memory) = measure(wanted)["rows"]
    assert {row["data"] for row in (row, bare, memory)} == {"real"}
    assert row["records"] == 674


def test_every_row_is_in_the_docs() -> None:
    page = Path(__file__).parents[2] / "docs" / "concepts" / "speed.md"
    text = page.read_text()
    assert [case.name for case in ROWS if f"`{case.name}`" not in text] == []
