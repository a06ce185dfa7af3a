"""What is no XBRL, what breaks off, what is meant to do harm; and complete submissions."""

import gzip
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from filings.bodies import SEC, fact, inline, instance, real
from raymill.errors import DataError, InputError, RaymillError
from raymill.filings import Filing, extract, extract_file
from raymill.filings.document import Document, kind_of, read_document

LAUGHS = """<!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>"""

SUBMISSION = """<SEC-DOCUMENT>0000012345-25-000001.txt : 20250201
<SEC-HEADER>0000012345-25-000001.hdr.sgml : 20250201
<ACCEPTANCE-DATETIME>20250201060046
ACCESSION NUMBER:\t\t0000012345-25-000001
CONFORMED SUBMISSION TYPE:\t{form}
PUBLIC DOCUMENT COUNT:\t\t9
FILED AS OF DATE:\t\t20250201
FILER:
\tCOMPANY DATA:
\t\tCOMPANY CONFORMED NAME:\t\t\tTINY BIKES INC
\t\tCENTRAL INDEX KEY:\t\t\t0000012345
\t\tSTANDARD INDUSTRIAL CLASSIFICATION:\t{industry}
</SEC-HEADER>
{documents}</SEC-DOCUMENT>
"""
PART = """<DOCUMENT>
<TYPE>{type}
<SEQUENCE>1
<FILENAME>{name}
<TEXT>
<XBRL>
{body}
</XBRL>
</TEXT>
</DOCUMENT>
"""


def submission(
    *parts: tuple[str, Document], form: str = "10-K", industry: str = "X [1]"
) -> Document:
    documents = "".join(
        PART.format(type=kind, name=part.name, body=part.data.decode()) for kind, part in parts
    )
    text = SUBMISSION.format(form=form, industry=industry, documents=documents)
    return Document("full-submission.txt", text.encode())


PAGE = Document("main.htm", b"<html><body>Item 1</body></html>")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'\xef\xbb\xbf <?xml version="1.0"?><!-- <html> --><xbrli:xbrl/>', "instance"),
        (b"<!DOCTYPE html PUBLIC '-//W3C//DTD'>\n<HTML>", "html"),
        (b'<!DOCTYPE html [<!ENTITY a "b>">]><html/>', "html"),
        (b"<Error><Code>NoSuchKey</Code></Error>", "xml"),
        (b"Item 1. Business", "unknown"),
        (b"", "unknown"),
        (b"<!-- never ends", "unknown"),
    ],
)
def test_documents_are_told_apart_by_their_beginning(data: bytes, kind: str) -> None:
    assert kind_of(data) == kind


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (PAGE.data, "is an HTML page without XBRL", "full-submission.txt"),
        (b"<Error><Code>NoSuchKey</Code></Error>", "is XML, but no XBRL instance", "companyfacts"),
        (b"Item 1. Business", "is no document of a filing", "companyfacts"),
        (b" \n", "is empty", "again"),
    ],
)
def test_what_cannot_hold_facts_is_an_error_with_a_hint(
    data: bytes, message: str, hint: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        extract(Document("page.htm", data))
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("make", [inline, lambda facts, before: instance(facts, before)])
def test_a_document_that_declares_entities_is_refused(make: object) -> None:
    document = make(fact("1"), before=LAUGHS)  # type: ignore[operator]
    with pytest.raises(DataError, match="declares entities of its own"):
        extract(document)


def test_entities_in_another_encoding_are_refused_too() -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "ha">]><xbrl/>'
    with pytest.raises(RaymillError):
        extract(Document("a.xml", text.encode("utf-16")))


def test_nothing_outside_the_document_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("42")
    outside = f'<!DOCTYPE html SYSTEM "{tmp_path}/secret.dtd">'
    assert extract(inline(fact("1"), before=outside)).facts["value"].to_pylist() == [1.0]
    named = f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    with pytest.raises(DataError, match="declares entities"):
        extract(inline(fact("&x;"), before=named))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_document_that_breaks_off_is_an_error(share: float) -> None:
    whole = inline(fact("1"))
    with pytest.raises(DataError, match=r"`pages/tiny-20241231.htm` breaks off"):
        extract(Document(whole.name, whole.data[: int(len(whole.data) * share)]))


def test_a_truncated_gzip_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "tiny.htm.gz"
    packed = gzip.compress(inline(fact("1")).data)
    path.write_bytes(packed)
    assert extract_file(str(path)).facts.num_rows == 1
    path.write_bytes(packed[:-20])
    with pytest.raises(DataError, match=r"tiny.htm.gz` \(gzip data\) is damaged or breaks off"):
        extract_file(str(path))


def test_a_gzip_that_grows_without_end_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "bomb.htm.gz"
    path.write_bytes(gzip.compress(bytes(8 << 20)))
    with pytest.raises(DataError, match="holds more than 4 MB"):
        read_document(str(path), most_bytes=4 << 20)


def test_elements_nested_without_end_are_an_error() -> None:
    deep = inline("<b>" * 5000 + "</b>" * 5000)
    with pytest.raises(DataError, match="no well-formed XML"):
        extract(deep)


def test_a_submission_says_who_filed_what_and_when() -> None:
    made = submission(("EX-31", PAGE), ("10-K", inline(fact("5"))), form="10-K/A")
    (row,) = extract(made).facts.to_pylist()
    assert (row["accession"], row["form"], row["filed"]) == (
        "0000012345-25-000001",
        "10-K/A",
        date(2025, 2, 1),
    )
    assert row["accepted"] == datetime(2025, 2, 1, 11, 0, 46, tzinfo=UTC)  # Eastern, winter
    assert row["entity"] == "TINY BIKES INC"
    assert row["document"] == "tiny-20241231.htm"


def test_what_the_caller_knows_holds_before_what_the_document_says() -> None:
    known = Filing(filed=date(2025, 3, 1), ticker="TNY")
    (row,) = extract(inline(fact("5")), known).facts.to_pylist()
    assert (row["filed"], row["ticker"], row["form"]) == (date(2025, 3, 1), "TNY", "10-K/A")


def test_two_pages_of_one_filing_share_contexts() -> None:
    second = inline(fact("6"), resources="")
    made = submission(("10-K", inline(fact("5"))), ("EX-99", second))
    assert extract(made).facts["value"].to_pylist() == [5.0, 6.0]


def test_the_instance_of_a_submission_is_taken_and_its_page_is_not_counted_twice() -> None:
    own = instance('<gaap:A contextRef="year" unitRef="usd" decimals="0">5</gaap:A>')
    made = submission(("10-K", inline(fact("5"))), ("XML", own))
    assert extract(made).facts["source"].to_pylist() == ["instance"]


@pytest.mark.parametrize(
    ("industry", "reason"),
    [
        ("ASSET-BACKED SECURITIES [6189]", "10-K of an asset-backed issuer"),
        ("BICYCLES [3751]", r"10-K \(BICYCLES \[3751\]\) without XBRL"),
    ],
)
def test_a_filing_without_xbrl_ends_normally_with_the_reason(industry: str, reason: str) -> None:
    found = extract(submission(("10-K", PAGE), industry=industry))
    assert found.facts.num_rows == 0
    assert found.reason is not None
    assert re.match(reason, found.reason)


def test_a_submission_that_breaks_off_is_an_error() -> None:
    data = submission(("10-K", inline(fact("5"))), ("EX-31", PAGE)).data
    with pytest.raises(DataError, match="breaks off after 1 documents"):
        extract(Document("full-submission.txt", data[: data.rfind(b"</TEXT>")]))


@real
def test_a_real_asset_backed_filer_has_no_facts_and_a_reason() -> None:
    found = extract_file(str(SEC / "archives/0001779026-23-000027/full-submission.txt.gz"))
    assert found.facts.num_rows == 0
    assert found.reason == (
        "10-K of an asset-backed issuer, which reports no financial data as XBRL"
    )


@real
def test_a_real_8k_has_a_cover_page_without_numbers() -> None:
    found = extract_file(str(SEC / "archives/0001628280-25-058337/full-submission.txt.gz"))
    assert (found.facts.num_rows, found.reason) == (0, "8-K has XBRL, but no numeric fact")
