"""What the SEC's answers mean, with the recorded ones and pages of our own."""

import pytest

from raymill import json
from raymill.filings.answers import judge
from raymill.net import Head
from raymill.net.verdict import Kind

HTML = {"content-type": "text/html"}
JSON = {"content-type": "application/json"}
THRESHOLD = b"<!DOCTYPE html><title>SEC.gov | Request Rate Threshold Exceeded</title>"
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%b</Code></Error>'
FACTS = "https://data.sec.gov/api/xbrl/companyfacts/CIK0000320193.json"
PAGE = "https://www.sec.gov/Archives/edgar/data/1/000000000125000001/a.htm"
WHOLE = "https://www.sec.gov/Archives/edgar/data/1/000000000125000001/0000000001-25-000001.txt"


@pytest.mark.parametrize(
    ("head", "kind", "wait_s"),
    [
        (Head(200, JSON, b"{}", FACTS), "ok", None),
        (Head(200, HTML, b"<html>", PAGE), "ok", None),
        (Head(200, HTML, b"\n<!doctype HTML>", FACTS), "transient", None),
        (Head(200, HTML, b"<html>", WHOLE), "transient", None),
        (Head(200, HTML, b"", PAGE), "transient", None),
        (Head(304, {}), "unchanged", None),
        (Head(404, {}, XML % b"NoSuchKey"), "missing", None),
        (Head(404, HTML, b"<html>not found"), "missing", None),
        (Head(403, {}, XML % b"AccessDenied"), "missing", None),
        (Head(403, HTML, THRESHOLD), "blocked", 600.0),
        (Head(403, HTML, b""), "blocked", 600.0),
        (Head(403, HTML | {"retry-after": "900"}, THRESHOLD), "blocked", 900.0),
        (Head(403, HTML | {"retry-after": "9"}, THRESHOLD), "blocked", 600.0),
        (Head(429, HTML, THRESHOLD), "blocked", 600.0),
        (Head(429, {"retry-after": "9"}), "limited", 9.0),
        (Head(429, {}), "limited", None),
        (Head(503, {"retry-after": "9"}, b"<html>"), "transient", 9.0),
        (Head(500, {}), "transient", None),
        (Head(301, {"location": "https://elsewhere.example"}), "permanent", None),
        (Head(400, {}), "permanent", None),
    ],
)
def test_an_answer_is_judged_by_status_and_body(
    head: Head, kind: Kind, wait_s: float | None
) -> None:
    verdict = judge(600)(head, 0.0)
    assert (verdict.kind, verdict.wait_s) == (kind, wait_s)


RECORDED = {
    "403_missing_archive_object": "missing",
    "404_unknown_cik": "missing",
    "304_full_index": "unchanged",
    "503_service_unavailable": "transient",
    "200_companyfacts_headers": "ok",
    "200_archives_document_headers": "ok",
    "200_primary_document_headers": "ok",
}


def test_the_recorded_answers_are_judged_rightly(shared_data: object) -> None:
    path = shared_data / "sec" / "http_responses.json"  # type: ignore[operator]
    found = {}
    for one in json.loads(path.read_bytes()):
        body = "a body" if one["body"] is None else one["body"]
        head = Head(one["status"], one["headers"], body.encode(), one["request"]["uri"])
        found[one["name"]] = judge(600)(head, 0.0).kind
    assert found == RECORDED
