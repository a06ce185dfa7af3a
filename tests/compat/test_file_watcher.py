"""A drop folder that calls back."""

import threading
from pathlib import Path

import pytest

from raymill import json
from raymill.compat import (
    ProcessingState,
    ProcessingStatus,
    TickerFileHandler,
    watch_input_folder,
)
from raymill.errors import StoreError


class Called:
    """Remembers what it was called with."""

    def __init__(self) -> None:
        self.states: list[ProcessingState] = []
        self.stop = threading.Event()

    def __call__(self, state: ProcessingState) -> None:
        self.states.append(state)
        self.stop.set()


@pytest.fixture
def called() -> Called:
    return Called()


def drop(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def handler(folder: Path, called: Called) -> TickerFileHandler:
    made = TickerFileHandler(folder, called)
    made.start()
    return made


def test_a_file_is_moved_and_its_ticker_called_back(tmp_path: Path, called: Called) -> None:
    entry = tmp_path / "input" / "entry"
    drop(entry, "aapl.json", '{"ticker": "aapl", "source": "me"}')
    assert handler(entry, called).turn() == 1
    (state,) = called.states
    assert (state.ticker, state.status) == ("AAPL", ProcessingStatus.MOVED_TO_PROCESSING)
    assert state.original_file_path == str(entry / "aapl.json")
    moved = tmp_path / "input" / "processing" / "aapl.json"
    assert (state.processing_file_path, moved.is_file()) == (str(moved), True)
    written = json.loads((tmp_path / "input" / "processing" / "AAPL_state.json").read_bytes())
    assert written == state.to_dict()
    assert handler(entry, called).turn() == 0


def test_any_other_folder_has_its_own_below(tmp_path: Path, called: Called) -> None:
    drop(tmp_path / "drops", "aapl.json", '{"ticker": "AAPL"}')
    drop(tmp_path / "drops", "notes.txt", "no file of a ticker")
    assert handler(tmp_path / "drops", called).turn() == 1
    assert (tmp_path / "drops" / "processing" / "aapl.json").is_file()
    assert (tmp_path / "drops" / "notes.txt").is_file()


@pytest.mark.parametrize("text", ['{"ticker": "../../evil"}', '{"name": "x"}'])
def test_what_cannot_be_used_is_rejected_with_the_reason(
    tmp_path: Path, called: Called, text: str
) -> None:
    drop(tmp_path / "entry", "bad.json", text)
    assert handler(tmp_path / "entry", called).turn() == 1
    assert called.states == []
    assert (tmp_path / "rejected" / "bad.json").is_file()
    assert (tmp_path / "rejected" / "bad.json.reason.txt").read_text().strip()


def test_a_file_that_is_being_written_is_left_until_it_is_whole(
    tmp_path: Path, called: Called
) -> None:
    drop(tmp_path / "entry", "aapl.json", '{"ticker": ')
    made = handler(tmp_path / "entry", called)
    assert made.turn() == 0
    drop(tmp_path / "entry", "aapl.json", '{"ticker": "AAPL"}')
    assert made.turn() == 1
    assert [one.ticker for one in called.states] == ["AAPL"]


def test_a_callback_that_fails_leaves_its_reason_and_the_next_file_is_taken(tmp_path: Path) -> None:
    def fail(state: ProcessingState) -> None:
        raise RuntimeError("no luck")

    for name in ("a", "b"):
        drop(tmp_path / "entry", f"{name}.json", f'{{"ticker": "{name}"}}')
    made = TickerFileHandler(tmp_path / "entry", fail)
    made.start()
    assert made.turn() == 2
    written = json.loads((tmp_path / "processing" / "B_state.json").read_bytes())
    assert (written["status"], written["error_message"]) == (
        "error",
        "The callback failed: no luck",
    )


def test_what_a_killed_process_took_is_called_back_once_more(
    tmp_path: Path, called: Called
) -> None:
    drop(tmp_path / "entry", "aapl.json", '{"ticker": "AAPL"}')
    handler(tmp_path / "entry", called).turn()
    drop(tmp_path / "processing", "msft.json", '{"ticker": "MSFT"}')
    (tmp_path / "processing" / "GOOGL_state.json").write_text('{"ticker": "GOO')
    again = Called()
    handler(tmp_path / "entry", again)
    assert [one.ticker for one in again.states] == ["AAPL", "MSFT"]
    assert (tmp_path / "processing" / "GOOGL_state.json.corrupt").is_file()


def test_a_folder_that_cannot_be_used_is_told_at_the_start(tmp_path: Path, called: Called) -> None:
    (tmp_path / "entry").write_text("a file where the folder belongs")
    with pytest.raises(StoreError, match="entry` cannot be used"):
        watch_input_folder(tmp_path / "entry", called)


def test_a_watch_takes_what_is_there_and_ends_when_it_is_told(
    tmp_path: Path, called: Called
) -> None:
    drop(tmp_path / "entry", "aapl.json", '{"ticker": "AAPL"}')
    watch_input_folder(tmp_path / "entry", called, stop=called.stop, interval_s=0.01)
    assert [one.ticker for one in called.states] == ["AAPL"]
