"""The short list of the facts of a document."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from filings.bodies import APPLE, SEC, fact, inline, real
from raymill.compat import extract_top_facts, save_facts_to_parquet
from raymill.errors import ConfigError, InputError


def test_the_best_concept_of_each_metric_is_listed(tmp_path: Path) -> None:
    facts = fact("7", name="gaap:GrossProfit") + fact("1,234", 'format="ixt:num-dot-decimal"')
    path = tmp_path / "report.htm"
    path.write_bytes(inline(facts + fact("5", 'contextRef="bikes"')).data)
    assert extract_top_facts(path) == [
        {"fact": "Revenues", "value": "1234"},
        {"fact": "GrossProfit", "value": "7"},
    ]


@real
def test_the_facts_of_apples_report() -> None:
    assert extract_top_facts(SEC / APPLE)[:2] == [
        {"fact": "RevenueFromContractWithCustomerExcludingAssessedTax", "value": "95359000000"},
        {"fact": "CostOfGoodsAndServicesSold", "value": "50492000000"},
    ]
    assert len(extract_top_facts(SEC / APPLE)) == 10


def test_what_is_no_document_is_an_error_and_no_fact(tmp_path: Path) -> None:
    path = tmp_path / "page.htm"
    path.write_text("<html><body>We are sorry</body></html>")
    with pytest.raises(InputError, match="HTML page without XBRL"):
        extract_top_facts(path)


def test_a_list_is_saved_and_read_again(tmp_path: Path) -> None:
    facts = [{"fact": "Revenues", "value": "1234"}]
    path = save_facts_to_parquet("brk.b", facts, tmp_path / "output")
    assert path == str(tmp_path / "output" / "BRK-B_facts.parquet")
    assert pq.read_table(path).to_pylist() == facts


def test_a_ticker_that_is_none_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no ticker"):
        save_facts_to_parquet("../../evil", [], tmp_path / "output")
    assert list(tmp_path.iterdir()) == []
