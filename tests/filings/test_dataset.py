"""The dataset of facts: replaced per filing, read as it was known on a day."""

from datetime import date
from pathlib import Path

import pytest

from raymill.filings.dataset import Facts, FilingRow
from raymill.filings.extract import extract_file
from raymill.state.database import open_database


@pytest.fixture
def stored(tmp_path: Path) -> Facts:
    return Facts(tmp_path / "lake", open_database(tmp_path))


APPLE = 320193
QUARTER = "0000320193-25-000057"


def test_all_facts_of_a_real_report_are_read_back_exactly(stored: Facts, shared_data: Path) -> None:
    path = shared_data / "sec/archives" / QUARTER / "aapl-20250329.htm.gz"
    facts = extract_file(str(path)).facts
    assert stored.store(APPLE, QUARTER, facts, FilingRow("10-Q", date(2025, 5, 2)))
    found = stored.reports("aapl")
    assert found.num_rows == 674
    assert found.sort_by("seq").equals(facts.sort_by("seq"))
    assert stored.processed(APPLE) == {QUARTER}
    assert stored.filings(APPLE).select(["accession", "facts"]).to_pylist() == [
        {"accession": QUARTER, "facts": 674}
    ]
    assert not stored.store(APPLE, QUARTER, facts, FilingRow("10-Q", date(2025, 5, 2)))
