"""The demo's company: 7 reports of 3 numbers, one of them amended, and one from before XBRL."""

from pathlib import Path

import pytest

from raymill.app.demo import run_demo
from raymill.app.demo.filer import REPORTS, page
from raymill.filings.document import Document
from raymill.filings.extract import extract
from raymill.filings.needed import is_whole


def test_a_made_report_says_what_it_was_made_of() -> None:
    for report in REPORTS:
        body = page(report)
        assert is_whole(body)
        found = extract(Document(report.page_name, body))
        assert found.problems == ()
        assert found.facts["value_text"].to_pylist() == [
            f"{dollars}" for _, _, _, dollars, _ in report.facts()
        ]
        assert set(found.facts["entity"].to_pylist()) == {"Demo Bicycles Inc."}
        assert set(found.facts["form"].to_pylist()) == {report.form}


@pytest.mark.system
def test_the_numbers_come_out_as_they_were_put_in_through_a_kill(tmp_path: Path) -> None:
    done = run_demo(lambda text: None, ["raymill.app.demo.filings:filings"], tmp_path / "demo")
    (part,) = done.parts
    assert [fact.text for fact in part.facts if not fact.holds] == []
    assert len(part.facts) == 6
    assert [row[3] for row in part.rows] == ["completed"] * 8
    assert [row[4] for row in part.rows] == ["3"] * 7 + ["0"]
    assert "as known on 2023-12-31 is $66.8 million" in done.page.read_text()
    assert part.files[0].name == "DEMO_facts.parquet"
    assert part.files[0].is_file()
