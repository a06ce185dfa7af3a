"""`raymill filings extract` and `facts`, on small files made here and on the real ones."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli.running import Shell
from filings.bodies import APPLE, SEC, fact, inline, real

ROWS = [("2023-12-31", 100, "2024-02-01", "10-K"), ("2023-12-31", 90, "2025-02-01", "10-K")]


@pytest.fixture
def documents(sh: Shell) -> Shell:
    bad = fact("n/a", 'id="f9"', "gaap:Assets")
    sh.write("tiny.htm", inline(fact("5", 'contextRef="bikes"') + bad).data)
    rows = [
        {
            "start": "2023-01-01",
            "end": end,
            "val": value,
            "filed": filed,
            "form": form,
            "accn": f"0000000001-{filed[2:4]}-000001",
            "fy": 2023,
            "fp": "FY",
        }
        for end, value, filed, form in ROWS
    ]
    facts = {"us-gaap": {"Revenues": {"units": {"USD": rows}}}}
    sh.write("CIK1.json", json.dumps({"cik": 1, "entityName": "Tiny", "facts": facts}))
    return sh


def test_facts_of_documents_go_into_one_file(documents: Shell) -> None:
    done = documents("filings", "extract", "tiny.htm", "CIK1.json", "-o", "out.parquet")
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "tiny.htm: 1 facts\nwarning: 1 numbers cannot be read; -v names them\nCIK1.json: 2 facts\n"
    )
    rows = pq.read_table(documents.folder / "out.parquet").to_pylist()
    assert [row["value_text"] for row in rows] == ["5", "100", "90"]
    assert dict(rows[0]["dims"])["us-gaap:ProductAxis"] == "tiny:BikesMember"


def test_dimensions_are_json_in_csv_and_lists_in_json_lines(documents: Shell) -> None:
    documents("filings", "extract", "tiny.htm", "-o", "out.csv")
    head, line = documents.read("out.csv").splitlines()
    assert head.startswith("cik,entity,ticker,taxonomy,concept,unit,start,end,value,value_text,")
    assert '"{""tiny:PlaceAxis"":""Delft"",""us-gaap:ProductAxis"":""tiny:BikesMember""}"' in line
    done = documents("filings", "extract", "tiny.htm", "-o", "-")
    assert json.loads(done.out)["dims"] == [
        {"axis": "tiny:PlaceAxis", "member": "Delft"},
        {"axis": "us-gaap:ProductAxis", "member": "tiny:BikesMember"},
    ]


def test_a_document_that_cannot_be_read_does_not_stop_the_others(documents: Shell) -> None:
    documents.write("page.htm", "<html><body>Not found</body></html>")
    done = documents("filings", "extract", "page.htm", "tiny.htm", "-o", "out.jsonl", "--json")
    assert done.code == 1
    assert "error: `page.htm` is an HTML page without XBRL" in done.err
    summary = json.loads(done.out)
    assert [(row["file"], row["facts"]) for row in summary] == [("tiny.htm", 1), ("page.htm", 0)]
    assert summary[0]["problems"][0]["reason"] == "`n/a` is no number"
    assert len(documents.read("out.jsonl").splitlines()) == 1


def test_verbose_names_the_numbers_that_cannot_be_read(documents: Shell) -> None:
    done = documents("filings", "extract", "tiny.htm", "-o", "out.jsonl", "-v")
    assert "  Assets f9: `n/a` is no number\n" in done.err


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("extract", "tiny.htm", "-o", "out.txt"), "does not say in which format", ".parquet"),
        (("extract", "none.htm", "-o", "o.csv"), "File `none.htm` does not exist", ""),
        (("extract", "-o", "out.csv"), "There is no input", "name a document"),
        (("extract", "tiny.htm"), "-o", "filings extract --help"),
        (("extract", "tiny.htm", "-o", "-", "--json"), "both write to standard output", "a file"),
        (("facts", "AAPL"), "No facts of `AAPL` are stored", "raymill filings process AAPL"),
        (("facts", "CIK1.json", "--metric", "revenu"), "Unknown metric `revenu`", "`revenue`"),
        (("facts", "CIK1.json", "--as-of", "2009"), "`--as-of 2009` is no day", "2009-12-31"),
        (("facts", "CIK1.json", "--annual", "--ttm"), "exclude each other", "give one"),
        (("facts", "CIK1.json", "--table", "none.toml"), "cannot be read", ""),
    ],
)
def test_wrong_usage_says_what_to_type(
    documents: Shell, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    done = documents("filings", *arguments)
    assert done.code == 2
    assert message in done.err
    assert hint in done.err
    assert not (documents.folder / "o.csv").exists()


def test_a_document_that_breaks_off_leaves_no_file(documents: Shell) -> None:
    data = (documents.folder / "tiny.htm").read_bytes()
    documents.write("cut.htm", data[:-50])
    done = documents("filings", "extract", "cut.htm", "-o", "out.csv")
    assert done.code == 1
    assert "breaks off" in done.err
    assert not [*documents.folder.glob("out*")]


def test_metrics_as_they_are_known_now_and_were_known_then(documents: Shell) -> None:
    now = documents("filings", "facts", "CIK1.json", "--metric", "revenue", "--annual")
    assert now.out.splitlines() == [
        "metric   start       end         value             unit  concept   filed       "
        "accession             form",
        "revenue  2023-01-01  2023-12-31                90  USD   Revenues  2025-02-01  "
        "0000000001-25-000001  10-K  restated",
    ]
    then = documents("filings", "facts", "CIK1.json", "--as-of", "2024-12-31", "--json")
    (row,) = json.loads(then.out)
    assert row == {
        "cik": 1,
        "entity": "Tiny",
        "metric": "revenue",
        "start": "2023-01-01",
        "end": "2023-12-31",
        "value": 100,
        "value_text": "100",
        "unit": "USD",
        "taxonomy": "us-gaap",
        "concept": "Revenues",
        "filed": "2024-02-01",
        "accession": "0000000001-24-000001",
        "form": "10-K",
        "basis": "reported",
        "is_derived": False,
        "flags": [],
        "fiscal_year": 2023,
        "fiscal_period": "FY",
    }


def test_a_metric_without_a_value_says_which_have_one(documents: Shell) -> None:
    done = documents("filings", "facts", "CIK1.json", "--metric", "assets", "--json")
    assert (done.code, json.loads(done.out)) == (0, [])
    assert done.err == "no value; there are: revenue\n"


@real
def test_the_facts_of_apple_on_the_command_line(sh: Shell) -> None:
    done = sh("filings", "extract", str(SEC / APPLE), "-o", "apple.csv")
    assert done.code == 0
    assert len(sh.read("apple.csv").splitlines()) == 675
    answer = str(SEC / "companyfacts/CIK0000320193.json")
    for day, value in (("2010-01-24", 36_537_000_000), ("2010-01-25", 42_905_000_000)):
        wanted = ("--metric", "revenue", "--annual", "--as-of", day, "--json")
        rows = json.loads(sh("filings", "facts", answer, *wanted).out)
        assert (rows[-1]["end"], rows[-1]["value"]) == ("2009-09-26", value)


def test_help_explains_and_names_the_options(sh: Shell) -> None:
    text = sh("filings", "facts", "--help").out
    assert "--as-of" in text
    assert "what had been filed by the end of that day" in " ".join(text.split())


def test_one_file_is_enough_to_have_a_name(sh: Shell, tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text('{"cik": 1, "entityName": "", "facts": {}}')
    done = sh("filings", "facts", "empty.json")
    assert (done.code, done.err) == (0, "no value: the answer holds no facts\n")
