"""A drop folder, by turns: what is taken, what is refused, what stays, and what a kill leaves."""

import json
import os
import signal
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raymill import faults
from raymill.errors import StoreError
from raymill.filings.folders import Folders
from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingStatus as Status
from raymill.filings.watch import Watcher


class Journal:
    """What was asked for, on the disk, as another process would keep it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.over: dict[str, Status] = {}

    def ask(self, ticker: str, file: str, moved: str) -> Standing:
        if ticker not in self.asked():
            with self.path.open("a") as lines:
                lines.write(f"{ticker}\n")
        asked = {"file": file, "moved": moved}
        return Standing(ticker, f"run-{ticker}", Status.DISCOVERED, asked=asked)

    def asked(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []

    def look(self, known: Standing) -> Standing:
        return replace(known, status=self.over.get(known.called, known.status))

    def known(self, called: str) -> Standing | None:
        return self.ask(called, "", "") if called in self.asked() else None


class Drop:
    """A watched folder with a clock that is set by hand."""

    def __init__(self, root: Path) -> None:
        self.folders = Folders(root / "input")
        self.journal = Journal(root / "journal")
        self.now = 0.0
        self.adopted: list[str] = []
        self.watcher = self.anew()
        self.folders.make()

    def anew(self, **how: Any) -> Watcher:
        """A watcher as another process would start it."""
        self.watcher = Watcher(
            self.folders,
            self.journal.ask,
            self.journal.look,
            lambda now: {"sec_filing_path": None},
            lambda state: self.adopted.append(state.ticker),
            clock=lambda: self.now,
            **how,
        )
        return self.watcher

    def start(self, **how: Any) -> "Drop":
        self.anew(**how).start(self.journal.known)
        return self

    def drop(self, name: str, content: Any) -> Path:
        path = self.folders.entry / name
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text)
        return path

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.folders.root / folder).iterdir())

    def state(self, ticker: str) -> dict[str, Any]:
        path = self.folders.processing / f"{ticker}_state.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found


@pytest.fixture
def box(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


def test_a_file_that_was_there_before_the_start_is_taken(box: Drop) -> None:
    box.drop("apple.json", {"ticker": "aapl", "source": "somebody", "timestamp": "2025"})
    box.start().watcher.turn()
    assert box.journal.asked() == ["AAPL"]
    assert box.names("entry") == []
    box.watcher.turn()
    assert box.names("processing") == ["AAPL_state.json", "apple.json"]
    state = box.state("AAPL")
    assert (state["ticker"], state["status"]) == ("AAPL", "discovered")
    assert state["original_file_path"].endswith("entry/apple.json")
    assert state["processing_file_path"].endswith("processing/apple.json")
    assert state["state_file_path"].endswith("processing/AAPL_state.json")


def test_a_state_is_written_each_time_it_changes_and_the_last_one_stays(box: Drop) -> None:
    box.start().drop("a.json", {"ticker": "A"})
    assert box.watcher.turn()
    assert box.watcher.turn()
    assert not box.watcher.turn()
    box.journal.over["A"] = Status.COMPLETED
    assert box.watcher.turn()
    assert box.state("A")["status"] == "completed"
    assert not box.watcher.turn()


def test_a_half_written_file_waits_for_its_writer(box: Drop) -> None:
    box.start().drop("a.json", '{"ticker"')
    box.watcher.turn()
    box.now = 1.5
    box.drop("a.json", '{"ticker": "A')
    box.watcher.turn()
    box.now = 3.0
    box.watcher.turn()
    assert box.names("entry") == ["a.json"]
    box.drop("a.json", '{"ticker": "A"}')
    box.watcher.turn()
    assert box.journal.asked() == ["A"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"ticker"', "it is no JSON"),
        ("", "it is empty"),
        ("[1]", "no object with a `ticker`"),
        ({"tick": "A"}, "it has no `ticker`"),
        ({"ticker": 7}, "it has no `ticker`"),
        ({"ticker": "../../evil"}, "`../../evil` is no ticker: a ticker is letters"),
        ({"ticker": "A", "more": "x" * (1 << 20)}, "more than 1 MB"),
    ],
)
def test_what_cannot_be_used_is_set_aside_with_the_reason(
    box: Drop, content: Any, reason: str
) -> None:
    box.start().drop("a.json", content)
    box.watcher.turn()
    box.now = 2.0
    box.watcher.turn()
    assert box.names("entry") == []
    assert box.names("rejected") == ["a.json", "a.json.reason.txt"]
    assert reason in (box.folders.rejected / "a.json.reason.txt").read_text()
    assert box.journal.asked() == []
    assert not (box.folders.root.parent / "evil").exists()


def test_no_file_is_written_over_another(box: Drop) -> None:
    box.start()
    for _ in range(3):
        box.drop("a.json", {"ticker": "A"})
        box.watcher.turn()
        box.drop("bad.json", {})
        box.watcher.turn()
    assert box.names("processing") == ["A_state.json", "a-1.json", "a-2.json", "a.json"]
    assert [name for name in box.names("rejected") if name.endswith("n")] == [
        "bad-1.json",
        "bad-2.json",
        "bad.json",
    ]
    assert box.journal.asked() == ["A"]


def test_only_json_files_of_the_folder_itself_are_looked_at(box: Drop) -> None:
    box.start().drop("a.json.tmp", {"ticker": "A"})
    box.drop(".a.json", {"ticker": "A"})
    (box.folders.entry / "b.json").mkdir()
    box.watcher.turn()
    assert box.journal.asked() == []
    (box.folders.entry / "a.json.tmp").rename(box.folders.entry / "a.json")
    box.watcher.turn()
    assert box.journal.asked() == ["A"]


def test_more_than_so_many_wait_in_the_folder(box: Drop) -> None:
    box.start(most_open=2)
    for ticker in "ABC":
        box.drop(f"{ticker}.json", {"ticker": ticker})
    box.watcher.turn()
    assert len(box.names("entry")) == 1
    box.journal.over |= dict.fromkeys("ABC", Status.COMPLETED)
    box.watcher.turn()
    assert box.names("entry") == []
    assert sorted(box.journal.asked()) == ["A", "B", "C"]


@pytest.mark.parametrize("status", [one.value for one in Status])
def test_an_older_programs_folder_is_taken_up_in_each_of_the_nine_states(
    box: Drop, status: str
) -> None:
    box.folders.make()
    record = {
        "ticker": "A",
        "original_file_path": "input/entry/a.json",
        "status": status,
        "created_at": "2025-05-02T10:00:00",
    }
    (box.folders.processing / "A_state.json").write_text(json.dumps(record))
    box.start().watcher.turn()
    is_done = status == "completed"
    assert box.journal.asked() == ([] if is_done else ["A"])
    assert box.adopted == ([] if is_done else ["A"])
    assert box.state("A")["status"] == ("completed" if is_done else "discovered")


def test_a_torn_state_is_set_aside_and_the_others_go_on(box: Drop) -> None:
    box.folders.make()
    (box.folders.processing / "A_state.json").write_text('{"ticker": "A", "sta')
    (box.folders.processing / "B_state.json").write_text('{"ticker": "C"}')
    box.start()
    assert box.watcher.counts.corrupt == 2
    assert box.names("processing") == ["A_state.json.corrupt", "B_state.json.corrupt"]


def test_a_folder_that_cannot_be_written_to_fails_at_the_start(
    box: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # a test may run as root
    with pytest.raises(StoreError, match="permission denied"):
        box.start()


def test_a_file_that_is_replaced_while_it_is_taken_is_read_again(box: Drop) -> None:
    box.start().drop("a.json", {"ticker": "A"})
    faults.arm("watch.submitted", lambda: box.drop("a.json", {"ticker": "BETTER"}) and None)
    box.watcher.turn()
    faults.disarm()
    assert box.names("entry") == ["a.json"]
    box.watcher.turn()
    assert box.journal.asked() == ["A", "BETTER"]


@pytest.mark.system
def test_a_kill_at_any_point_loses_no_file_and_asks_for_none_twice(tmp_path: Path) -> None:
    points: list[str] = []
    for number in range(1, 50):
        box = Drop(tmp_path / str(number))
        box.drop("a.json", {"ticker": "A"})
        box.drop("b.json", {"ticker": "B"})
        box.drop("bad.json", {"ticker": "../../evil"})
        point = killed_at(number, box)
        box.start()
        for _ in range(2):
            box.watcher.turn()
        where = f"after a kill at {point}"
        assert box.names("entry") == [], where
        assert sorted(box.journal.asked()) == ["A", "B"], where
        assert box.names("processing") == [
            *("A_state.json", "B_state.json", "a.json", "b.json"),
        ], where
        assert box.names("rejected") == ["bad.json", "bad.json.reason.txt"], where
        assert "is no ticker" in (box.folders.rejected / "bad.json.reason.txt").read_text()
        if point is None:
            break
        points.append(point)
    assert points == [
        *("watch.submitted", "watch.linked") * 2,
        *("watch.linked", "watch.rejected"),
    ]


def killed_at(number: int, box: Drop) -> str | None:
    """Take a turn in a process that is killed at its n-th fault point; gives its name."""
    mark = box.folders.root / "point"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        passed = [0]

        def die(name: str) -> None:
            passed[0] += 1
            if passed[0] == number:
                mark.write_text(name)
                os.kill(os.getpid(), signal.SIGKILL)

        faults.watch(die)
        box.start().watcher.turn()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return mark.read_text() if os.WIFSIGNALED(status) else None
