"""The nine states and their record."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from raymill.errors import ConfigError, DataError
from raymill.filings.status import ProcessingState, ProcessingStatus, Word
from raymill.filings.tickers import called, ticker

RECORD = {
    "ticker": "AAPL",
    "original_file_path": "input/entry/aapl.json",
    "processing_file_path": "input/processing/aapl.json",
    "state_file_path": "input/processing/AAPL_state.json",
    "status": "extracting_facts",
    "created_at": "2025-05-02T10:00:00+00:00",
    "updated_at": "2025-05-02T10:00:07.500000+00:00",
    "sec_filing_path": "filings/x.htm",
    "parquet_output_path": None,
    "error_message": None,
    "metadata": {"facts_count": 674},
}


def test_the_nine_states_have_their_names_and_values() -> None:
    assert [(one.name, one.value) for one in ProcessingStatus] == [
        ("DISCOVERED", "discovered"),
        ("MOVED_TO_PROCESSING", "moved_to_processing"),
        ("DOWNLOADING_SEC_FILING", "downloading_sec_filing"),
        ("SEC_FILING_DOWNLOADED", "sec_filing_downloaded"),
        ("EXTRACTING_FACTS", "extracting_facts"),
        ("FACTS_EXTRACTED", "facts_extracted"),
        ("SAVING_PARQUET", "saving_parquet"),
        ("COMPLETED", "completed"),
        ("ERROR", "error"),
    ]


def test_a_record_comes_back_as_it_was_written() -> None:
    state = ProcessingState.from_dict(RECORD)
    assert state.to_dict() == RECORD
    assert list(state.to_dict()) == list(RECORD)


def test_times_without_a_zone_are_utc_and_the_update_is_the_beginning_where_it_lacks() -> None:
    state = ProcessingState.from_dict(RECORD | {"created_at": "2025-05-02T10:00:00"} | LACKING)
    assert state.created_at == datetime(2025, 5, 2, 10, tzinfo=UTC)
    assert state.updated_at == state.created_at


LACKING = {"updated_at": None}


@pytest.mark.parametrize(
    ("status", "seconds"), [("completed", 7.5), ("error", 7.5), ("saving_parquet", None)]
)
def test_the_duration_is_known_at_the_end(status: str, seconds: float | None) -> None:
    state = ProcessingState.from_dict(RECORD | {"status": status})
    assert state.get_processing_duration() == seconds
    assert (state.is_completed(), state.has_error()) == (status == "completed", status == "error")


@pytest.mark.parametrize(
    ("has", "reached"),
    [
        ({"parquet_output_path": "x"}, "facts_extracted"),
        ({}, "sec_filing_downloaded"),
        ({"sec_filing_path": None}, "moved_to_processing"),
        ({"sec_filing_path": None, "processing_file_path": None}, "discovered"),
    ],
)
def test_an_error_is_taken_up_where_it_had_come_to(has: dict[str, str], reached: str) -> None:
    state = ProcessingState.from_dict(RECORD | {"status": "error"} | has)
    assert state.reached().value == reached
    assert ProcessingState.from_dict(RECORD | has).reached().value == "extracting_facts"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ticker": None},
        {"status": "lost"},
        {"created_at": "yesterday"},
        {"original_file_path": 3},
    ],
)
def test_what_is_no_record_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(DataError, match="no state of a ticker"):
        ProcessingState.from_dict(RECORD | wrong)
    with pytest.raises(DataError, match="'created_at' is missing"):
        ProcessingState.from_dict({})


@pytest.mark.parametrize(
    ("text", "name"),
    [("aapl", "AAPL"), (" BRK.B ", "BRK-B"), ("brk-b", "BRK-B"), ("0A", "0A")],
)
def test_tickers_are_written_one_way(text: str, name: str) -> None:
    assert ticker(text) == name


@pytest.mark.parametrize("text", ["../../evil", "", "A B", "ABCDEFGHIJK", ".A", "A/B", "Ä"])
def test_what_is_no_ticker_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ConfigError, match="is no ticker"):
        ticker(text)


@pytest.mark.parametrize("text", ["../../evil", "", "a/b", "Apple Inc..", "x" * 200, "caf\x00"])
def test_what_can_be_no_company_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="neither a ticker, a CIK nor the name"):
        called(text)


def test_companies_may_be_called_by_cik_and_name() -> None:
    assert called("cik 320193") == "CIK0000320193"
    assert called("Berkshire Hathaway Inc.") == "BERKSHIRE HATHAWAY INC."


def test_each_state_has_its_word() -> None:
    assert get_args(Word) == tuple(state.value for state in ProcessingStatus)
