"""companyfacts answers: small ones by hand, and the real ones."""

import json
from datetime import date

import pytest

from filings.bodies import SEC, real
from raymill.errors import DataError, InputError
from raymill.filings import FACTS, extract, extract_file
from raymill.filings.document import Document

ROW = {
    "end": "2024-12-31",
    "val": 5,
    "accn": "0000012345-25-000001",
    "fy": 2024,
    "fp": "FY",
    "form": "10-K/A",
    "filed": "2025-02-01",
}


def answer(*rows: object, cik: object = 12345) -> Document:
    facts = {"us-gaap": {"Assets": {"label": '"val": 9', "units": {"USD": list(rows)}}}}
    whole = {"cik": cik, "entityName": "Tiny", "facts": facts}
    return Document("data/CIK0000012345.json", json.dumps(whole).encode())


def test_a_row_of_an_answer() -> None:
    (row,) = extract(answer(ROW, cik="0000012345")).facts.to_pylist()
    assert {name: value for name, value in row.items() if value is not None} == {
        "cik": 12345,  # a text in this answer
        "entity": "Tiny",
        "taxonomy": "us-gaap",
        "concept": "Assets",
        "unit": "USD",
        "end": date(2024, 12, 31),
        "value": 5.0,
        "value_text": "5",
        "is_exact": False,
        "dims": [],
        "fy": 2024,
        "fp": "FY",
        "form": "10-K/A",
        "accession": "0000012345-25-000001",
        "filed": date(2025, 2, 1),
        "source": "companyfacts",
        "is_amendment": True,
        "seq": 0,
        "document": "CIK0000012345.json",
    }


@pytest.mark.parametrize("text", ["12345678901234567890123", "0.1234567890123456789", "1.50", "-3"])
def test_numbers_keep_every_digit(text: str) -> None:
    data = answer(ROW).data.replace(b'"val": 5,', f'"val": {text},'.encode())
    (row,) = extract(Document("a.json", data)).facts.to_pylist()
    assert (row["value_text"], row["value"]) == (text, float(text))


def test_rows_of_proxy_statements_have_neither_year_nor_period() -> None:
    row = ROW | {"fy": None, "fp": None, "form": "DEF 14A"}
    (found,) = extract(answer(row)).facts.to_pylist()
    assert (found["fy"], found["fp"], found["is_amendment"]) == (None, None, False)


def test_an_answer_without_facts_ends_normally() -> None:
    found = extract(Document("a.json", b'{"cik": 1, "entityName": "", "facts": {}}'))
    assert (found.facts.num_rows, found.facts.schema) == (0, FACTS)
    assert found.reason == "the answer holds no facts"


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b'{"cik": 1, "facts": {"us', DataError, "breaks off or is no JSON"),
        (b'{"cik": 1, "filings": {}}', InputError, "no companyfacts answer"),
        (answer(ROW | {"end": "31.12.2024"}).data, DataError, "a row that is no fact"),
        (b'{"facts": {"us-gaap": [1]}}', DataError, "a row that is no fact"),
        (b'{"facts": {"us-gaap": {"A": {"units": {"USD": [1]}}}}}', DataError, "is no fact"),
        (b'{"facts": {"us-gaap": {"A": {"units": {"USD": [{}]}}}}}', DataError, "is no fact"),
        (
            b'{"cik": "x", "facts": {"a": {"A": {"units": {"U": [{"val": 1}]}}}}}',
            DataError,
            "no fact",
        ),
        (answer(ROW | {"val": "many"}).data, DataError, "a row that is no fact"),
        (answer(ROW | {"fy": 99999}).data, DataError, "a row that is no fact"),
    ],
)
def test_what_is_no_answer_is_an_error(data: bytes, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        extract(Document("a.json", data))


@real
@pytest.mark.parametrize(
    ("cik", "rows", "tags", "units"),
    [
        (320193, 6522, 39, {"USD", "shares", "USD/shares"}),
        (1640147, 1437, 33, {"USD", "shares", "USD/shares", "segment"}),
        (1997711, 768, 178, {"USD", "COP", "CRC", "PEN", "shares", "USD/shares", "pure"}),
    ],
)
def test_real_answers_are_whole(cik: int, rows: int, tags: int, units: set[str]) -> None:
    """Rows and tags of the first as its README says, of the others counted in the file."""
    facts = extract_file(str(SEC / f"companyfacts/CIK{cik:010}.json")).facts
    assert facts.num_rows == rows
    names = zip(facts["taxonomy"].to_pylist(), facts["concept"].to_pylist(), strict=True)
    assert len(set(names)) == tags
    assert set(facts["unit"].to_pylist()) >= units
    assert set(facts["cik"].to_pylist()) == {cik}
    assert facts["value"].null_count == 0
