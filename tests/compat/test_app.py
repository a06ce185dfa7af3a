"""The functions of the older application, in this process."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from compat.conftest import CONFIG, Place
from raymill.compat import (
    ProcessingState,
    ProcessingStatus,
    StateManager,
    app,
    cleanup_resources,
    get_processing_status,
    process_ticker_file,
    retry_failed_ticker,
)
from raymill.errors import ConfigError, DataError, InputError
from raymill.testing.replay import Recorded

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test has an application of its own."""
    yield
    app.close()


@pytest.fixture
def manager(idle: Place) -> Iterator[StateManager]:
    made = StateManager("processing")
    yield made
    made.close()


def test_a_file_of_a_ticker_is_processed(place: Place) -> None:
    state = process_ticker_file(place.drop("AAPL", "input/entry"), "AAPL")
    assert state.error_message == "Original file not found: aapl.json"
    state = process_ticker_file("input/entry/aapl.json", "AAPL")
    assert state.is_completed()
    assert place.state("AAPL", "input/processing") == state.to_dict()
    assert (place.folder / "output" / "AAPL_facts.parquet").is_file()
    status = get_processing_status()
    assert status["orchestrator"]["completed_tasks"] == 1
    assert cleanup_resources() == {"cache_entries_cleaned": 1, "state_files_cleaned": 0}


def test_a_ticker_that_failed_is_taken_up(place: Place) -> None:
    place.server.next("/submissions/CIK0000000100.json", Recorded(400))
    file = place.drop("AAPL")
    assert process_ticker_file(file, "AAPL").has_error()
    assert retry_failed_ticker("AAPL") is True
    with pytest.raises(ConfigError, match="`MSFT` was never processed"):
        retry_failed_ticker("MSFT")


def test_when_the_time_is_over_the_state_is_given_as_it_stands(place: Place) -> None:
    with place.gate.closed():
        file = place.drop("AAPL")
        state = process_ticker_file(file, "AAPL", timeout=0)
        assert not state.status.is_over
        place.gate.holds(1)


def test_a_state_manager_has_tickers_processed(place: Place) -> None:
    manager = StateManager("processing")
    config = {name: value for name, value in CONFIG.items() if name != "state_dir"}
    try:
        place.server.next("/submissions/CIK0000000100.json", Recorded(400))
        begun = ProcessingState("AAPL", place.drop("AAPL"))
        failed = manager.execute_workflow(begun, config)
        assert failed.has_error()
        assert manager.find_state_by_ticker("AAPL") == failed
        state = manager.retry_failed_processing("AAPL", CONFIG)
        assert state.is_completed()
        assert manager.find_state_by_ticker("AAPL") == state
        assert manager.list_states(ProcessingStatus.COMPLETED) == [state]
        with pytest.raises(ConfigError, match="this manager"):
            manager.execute_workflow(begun, {**CONFIG, "state_dir": "elsewhere"})
    finally:
        manager.close()


def test_a_step_of_ones_own_is_saved_and_its_error_is_a_state(manager: StateManager) -> None:
    def mark(state: ProcessingState, text: str) -> ProcessingState:
        return replace(state, metadata={"marked": text})

    def fail(state: ProcessingState) -> ProcessingState:
        raise ValueError("no luck")

    begun = ProcessingState("ZZZ", "zzz.json")
    marked = manager.process_step(begun, mark, "here")
    assert marked.metadata == {"marked": "here"}
    assert manager.find_state_by_ticker("ZZZ") == marked
    failed = manager.process_step(marked, fail)
    assert (failed.has_error(), failed.error_message) == (True, "fail failed: no luck")
    assert manager.find_state_by_ticker("ZZZ") == failed
    assert manager.get_processing_stats()["by_status"]["error"] == 1
    assert manager.cleanup_cache() == 0


def test_a_state_of_no_ticker_is_written_nowhere(idle: Place, manager: StateManager) -> None:
    with pytest.raises(ConfigError, match="neither a ticker"):
        manager.save_state(ProcessingState("../../evil", "x.json"))
    assert manager.save_state(ProcessingState("brk.b", "x.json")).endswith("/BRK-B_state.json")
    assert [one.ticker for one in manager.list_states()] == ["BRK-B"]


def test_a_torn_file_is_set_aside_when_it_is_loaded(idle: Place, manager: StateManager) -> None:
    path = idle.folder / "processing" / "aapl.state.json"
    path.write_text('{"ticker": "AAPL", "sta')
    with pytest.raises(DataError, match="is no state of a ticker") as caught:
        manager.load_state(path)
    assert "aapl.state.json.corrupt" in str(caught.value.hint)
    assert path.with_name("aapl.state.json.corrupt").is_file()
    with pytest.raises(InputError, match="There is no state file"):
        manager.load_state(path)


def test_files_of_states_that_completed_long_ago_go(idle: Place, manager: StateManager) -> None:
    done = ProcessingState("ZZZ", "zzz.json", ProcessingStatus.COMPLETED)
    path = manager.save_state(done)
    assert manager.cleanup_completed_states(keep_days=1) == 0
    assert manager.cleanup_completed_states(keep_days=-1) == 1
    assert manager.find_state_by_ticker("ZZZ") is None
    assert not (idle.folder / path).exists()
