"""Tickers without Ray: what is asked for is in the store, and states tell of it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from compat.conftest import CONFIG, TICKERS, Place
from filings.filer import documents, page
from raymill import json
from raymill.compat import ProcessingState, ProcessingStatus
from raymill.compat.state_folder import StateFolder
from raymill.compat.ticker_config import ticker_config
from raymill.compat.tickers import Tickers
from raymill.errors import ConfigError, UnknownName
from raymill.state.owner import alive
from raymill.testing.replay import Recorded

pytestmark = pytest.mark.system


@pytest.fixture
def tickers(place: Place) -> Iterator[Tickers]:
    made = Tickers(ticker_config(CONFIG))
    yield made
    made.close()


def process(tickers: Tickers, place: Place, ticker: str, file: str = "") -> ProcessingState:
    ticket = tickers.submit(file or place.drop(ticker), ticker)
    return tickers.follow(ticket).result(60)


def test_the_state_that_is_given_is_the_one_that_is_stored(tickers: Tickers, place: Place) -> None:
    state = process(tickers, place, "AAPL")
    assert state.status is ProcessingStatus.COMPLETED
    assert place.state("AAPL") == state.to_dict()
    assert state.state_file_path == str(place.folder / "processing" / "AAPL_state.json")
    assert state.processing_file_path == str(place.folder / "processing" / "aapl.json")
    assert not (place.folder / "aapl.json").exists()
    laid = place.folder / "sec-edgar-filings/AAPL/10-K/0000000100-25-000001/primary-document.html"
    assert state.sec_filing_path == str(laid)
    assert laid.read_bytes() == page("100")
    assert state.parquet_output_path == str(place.folder / "output" / "AAPL_facts.parquet")
    assert state.get_processing_duration() == state.metadata["processing_duration"]
    assert state.metadata["attempts"]["download"] == 1
    assert tickers.states.find("aapl") == state
    tickers.states.forget()
    assert tickers.states.find("AAPL") == state
    assert tickers.states.all() == [state]


def test_a_completed_ticker_that_comes_again_is_looked_at_for_new_filings(
    tickers: Tickers, place: Place
) -> None:
    first = process(tickers, place, "AAPL")
    place.filers["AAPL"].file(2)
    again = process(tickers, place, "AAPL")
    assert again.metadata["run"] != first.metadata["run"]
    assert (again.metadata["filings"], again.metadata["facts_count"]) == (1, 1)
    assert again.processing_file_path == str(place.folder / "processing" / "aapl-1.json")
    assert len(documents(place.server.paths())) == 2
    assert tickers.progress()["active_tasks"] == 0
    nothing_new = process(tickers, place, "AAPL")
    assert nothing_new.metadata["filings"] == 0
    assert nothing_new.sec_filing_path == again.sec_filing_path


def test_a_failed_ticker_goes_on_where_it_failed_and_counts_the_attempt(
    tickers: Tickers, place: Place
) -> None:
    place.server.next("/submissions/CIK0000000100.json", Recorded(400))
    failed = process(tickers, place, "AAPL")
    assert failed.status is ProcessingStatus.ERROR
    assert "was refused" in str(failed.error_message)
    assert place.state("AAPL") == failed.to_dict()
    resolved = place.server.count("/files/company_tickers.json")
    state = tickers.follow(tickers.retry("AAPL")).result(60)
    assert (state.status, state.error_message) == (ProcessingStatus.COMPLETED, None)
    assert state.metadata["run"] == failed.metadata["run"]
    assert (state.metadata["attempts"]["resolve"], state.metadata["attempts"]["discover"]) == (1, 2)
    assert place.server.count("/files/company_tickers.json") == resolved
    (worker,) = [one for one in tickers.status()["workers"] if one["error_count"]]
    assert worker["error_count"] == 1


def test_a_failed_ticker_that_comes_again_begins_anew(tickers: Tickers, place: Place) -> None:
    place.server.next("/submissions/CIK0000000100.json", Recorded(400))
    failed = process(tickers, place, "AAPL")
    state = process(tickers, place, "AAPL")
    assert state.status is ProcessingStatus.COMPLETED
    assert state.metadata["run"] != failed.metadata["run"]
    progress = tickers.progress()
    assert (progress["active_tasks"], progress["completed_tasks"]) == (0, 1)


def test_what_is_retried_must_be_known(tickers: Tickers) -> None:
    with pytest.raises(ConfigError, match="`AAPL` was never processed"):
        tickers.retry("AAPL")


@pytest.mark.parametrize("name", ["../../evil", "", "A B"])
def test_what_is_no_ticker_is_an_error_that_is_written_nowhere(
    tickers: Tickers, place: Place, name: str
) -> None:
    before = sorted(place.folder.rglob("*"))
    state = process(tickers, place, name, "evil.json")
    assert (state.ticker, state.status) == (name, ProcessingStatus.ERROR)
    assert "is no ticker" in str(state.error_message)
    assert sorted(place.folder.rglob("*")) == before
    assert tickers.wait([name]) == {name: state}


def test_a_file_that_is_not_there_is_an_error(tickers: Tickers, place: Place) -> None:
    state = process(tickers, place, "AAPL", "aapl.json")
    assert state.error_message == "Original file not found: aapl.json"
    assert place.state("AAPL") == state.to_dict()
    assert tickers.stats()["by_status"]["error"] == 1
    assert tickers.progress()["failed_tasks"] == 1
    assert process(tickers, place, "AAPL").is_completed()
    assert tickers.stats()["by_status"] == {
        one.value: int(one is ProcessingStatus.COMPLETED) for one in ProcessingStatus
    }


def test_unknown_tickers_are_listed_as_such(tickers: Tickers, place: Place) -> None:
    process(tickers, place, "AAPL")
    found = tickers.wait(["AAPL", "NOPE"], 60)
    assert list(found) == ["AAPL", "NOPE"]
    assert found["NOPE"].error_message == "`NOPE` is unknown: it was never asked for"
    assert found["NOPE"].metadata == {"unknown": True}
    assert tickers.stats()["total_states"] == 1


def test_when_the_time_is_over_all_states_are_given_as_they_stand(
    tickers: Tickers, place: Place
) -> None:
    process(tickers, place, "AAPL")
    with place.gate.closed():
        tickers.submit(place.drop("MSFT"), "MSFT")
        place.gate.holds(1)
        found = tickers.wait(["AAPL", "MSFT"], 0.01)
        assert {name: state.status.value for name, state in found.items()} == {
            "AAPL": "completed",
            "MSFT": "downloading_sec_filing",
        }
        assert tickers.progress()["active_tasks"] == 1
    assert tickers.wait(["MSFT"], 60)["MSFT"].is_completed()


def left(place: Place, ticker: str, status: str, **more: Any) -> None:
    """What the older system left of a ticker when it was killed."""
    place.drop(ticker, "processing")
    state = {
        "ticker": ticker,
        "original_file_path": f"{ticker.lower()}.json",
        "status": status,
        "created_at": "2025-05-02T10:00:00",
    }
    path = place.folder / "processing" / f"{ticker}_state.json"
    path.write_bytes(json.dumps(state | more))


def test_whatever_state_an_older_program_left_a_ticker_in_it_is_processed(place: Place) -> None:
    names = {f"T{number}": one for number, one in enumerate(ProcessingStatus)}
    for name, status in names.items():
        left(place, name, status.value)
    listed = {
        str(at): {"cik_str": 100, "ticker": name, "title": "AAPL Inc."}
        for at, name in enumerate(names)
    }
    for _ in range(40):
        answer = Recorded(200, json.dumps(listed), {"Content-Type": "application/json"})
        place.server.next("/files/company_tickers.json", answer)
    tickers = Tickers(ticker_config(CONFIG))
    try:
        assert tickers.stats()["by_status"] == {one.value: 1 for one in ProcessingStatus}
        for name in names:
            tickers.submit(f"{name.lower()}.json", name)
        found = tickers.wait(names, 60)
    finally:
        tickers.close()
    assert {name: state.status for name, state in found.items()} == dict.fromkeys(
        names, ProcessingStatus.COMPLETED
    )


def test_a_torn_state_is_set_aside_and_reported_and_its_ticker_is_processed(place: Place) -> None:
    left(place, "AAPL", "downloading_sec_filing")
    path = place.folder / "processing" / "AAPL_state.json"
    path.write_bytes(path.read_bytes()[:40])
    tickers = Tickers(ticker_config(CONFIG))
    try:
        aside = place.folder / "processing" / "AAPL_state.json.corrupt"
        assert tickers.stats()["corrupt_files"] == [str(aside)]
        assert aside.is_file()
        assert not path.exists()
        assert process(tickers, place, "AAPL").is_completed()
        assert place.state("AAPL")["status"] == "completed"
    finally:
        tickers.close()


def test_two_programs_on_one_folder_share_one_run(tickers: Tickers, place: Place) -> None:
    other = Tickers(ticker_config(CONFIG))
    file = place.drop("AAPL")
    found: list[ProcessingState] = []
    begin = threading.Barrier(2)

    def ask(mine: Tickers) -> None:
        begin.wait()
        found.append(mine.follow(mine.submit(file, "AAPL")).result(60))

    with place.gate.closed():
        threads = [threading.Thread(target=ask, args=(one,)) for one in (tickers, other)]
        for thread in threads:
            thread.start()
        place.gate.holds(1)
    for thread in threads:
        thread.join()
    other.close()
    assert [one.status.value for one in found] == ["completed", "completed"]
    assert found[0].metadata["run"] == found[1].metadata["run"]
    assert len(documents(place.server.paths())) == 1


def test_who_comes_after_one_that_was_killed_tells_of_its_tickers(place: Place) -> None:
    first = Tickers(ticker_config(CONFIG))
    with place.gate.closed():
        ticket = first.submit(place.drop("AAPL"), "AAPL")
        place.gate.holds(1)
        first.close()
    second = Tickers(ticker_config(CONFIG), began=first.began)
    try:
        assert second.follow(ticket).result(60).is_completed()
        assert place.state("AAPL")["status"] == "completed"
        assert second.progress()["completed_tasks"] == 1
        assert sum(one["processed_count"] for one in second.status()["workers"]) == 8
    finally:
        second.close()


def test_when_the_workers_are_killed_others_take_their_place(idle: Place) -> None:
    tickers = Tickers(ticker_config({**CONFIG, "worker_pool_size": 1}))
    store = tickers.filings.workflows.store
    try:
        with idle.gate.closed():
            ticket = tickers.submit(idle.drop("AAPL"), "AAPL")
            idle.gate.holds(1)
            held = store.holder(time.time(), alive)
            assert held is not None
            os.kill(int(held.owner.split("/")[2]), signal.SIGKILL)
        state = tickers.follow(ticket).result(60)
        assert state.is_completed()
        assert state.metadata["attempts"]["download"] == 2
    finally:
        tickers.close()


def test_states_that_completed_long_ago_are_cleaned_up_and_still_known(
    tickers: Tickers, place: Place
) -> None:
    state = process(tickers, place, "AAPL")
    assert tickers.clean_up(keep_days=1) == {
        "cache_entries_cleaned": 1,
        "state_files_cleaned": 0,
    }
    assert tickers.clean_up(keep_days=-1)["state_files_cleaned"] == 1
    assert not (place.folder / "processing" / "AAPL_state.json").exists()
    assert tickers.states.find("AAPL") == state


def test_who_asks_for_all_gets_all_by_ticker(tickers: Tickers, place: Place) -> None:
    for ticker in TICKERS:
        tickers.submit(place.drop(ticker), ticker)
    tickers.wait(TICKERS, 60)
    assert [one.ticker for one in tickers.states.all()] == ["AAPL", "GOOGL", "MSFT"]
    assert [one.ticker for one in tickers.states.page(after="AAPL", most=1)] == ["GOOGL"]
    assert tickers.states.all(ProcessingStatus.ERROR) == []


def test_states_that_only_files_have_are_read_once(idle: Place) -> None:
    left(idle, "AAPL", "saving_parquet")
    folder = StateFolder(idle.folder / "processing", lambda name: None)
    assert list(folder.start()) == []
    (idle.folder / "processing" / "AAPL_state.json").unlink()
    assert folder.other("AAPL") == ProcessingState(
        "AAPL",
        "aapl.json",
        ProcessingStatus.SAVING_PARQUET,
        datetime(2025, 5, 2, 10, tzinfo=UTC),
    )


def test_a_configuration_says_what_is_wrong_with_it() -> None:
    with pytest.raises(ConfigError, match="no `state_dir`"):
        ticker_config({"output_dir": "output"})
    with pytest.raises(UnknownName, match="`ouput_dir`") as caught:
        ticker_config({**CONFIG, "ouput_dir": "x"})
    assert "did you mean `output_dir`?" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="`0` is no number of workers"):
        ticker_config({**CONFIG, "worker_pool_size": "0"})
    with pytest.raises(UnknownName, match="engine `rey`"):
        ticker_config({**CONFIG, "engine": "rey"})
    assert ticker_config({**CONFIG, "worker_pool_size": 2}).workers == 2
    assert ticker_config({**CONFIG, "worker_pool_size": 2}, workers=3).workers == 3


def test_without_an_identity_nothing_is_asked_for(
    tickers: Tickers, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from raymill import config

    monkeypatch.delenv("RAYMILL_FILINGS_IDENTITY")
    config.reset()
    with pytest.raises(ConfigError, match="name and an e-mail address"):
        tickers.submit(place.drop("AAPL"), "AAPL")
    assert (place.folder / "aapl.json").is_file()
