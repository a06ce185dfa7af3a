"""`watch_input_folder`: calls back with each ticker that is dropped into a folder as a file.

`raymill filings watch` does more: its watch is a run, which survives the program that asked for it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from raymill.app.filings.watching import INTERVAL_S, wakes
from raymill.compat.state_manager import in_error
from raymill.filings.dropped import Dropped, Identity, read
from raymill.filings.folders import Folders, files, free, move, told
from raymill.filings.statefiles import ENDING, Corrupt, StateFiles
from raymill.filings.status import ProcessingState, ProcessingStatus
from raymill.filings.watch import SETTLE_S
from raymill.log import get_logger

Callback: TypeAlias = Callable[[ProcessingState], object]

log = get_logger(room="compat")


@dataclass(frozen=True, slots=True)
class Below(Folders):
    """A drop folder that holds those where its files go."""

    @property
    def entry(self) -> Path:
        """Where files are dropped."""
        return self.root


@dataclass
class TickerFileHandler:
    """Takes the files of a drop folder, and calls back with the state of each ticker.

    A file goes to `processing` beside a folder that is named `entry`, below any other, and
    `<TICKER>_state.json` there tells of it; one that cannot be used goes to `rejected` with the
    reason. A ticker whose state is still `moved_to_processing` when this begins was not called
    back for certain, and is called back once more.
    """

    input_dir: str | Path
    callback: Callback
    _torn: dict[str, tuple[Identity, datetime]] = field(default_factory=dict)

    @property
    def folders(self) -> Folders:
        """Where files are dropped and where they go."""
        folder = Path(self.input_dir).expanduser().absolute()
        return Folders(folder.parent) if folder.name == "entry" else Below(folder)

    @property
    def states(self) -> StateFiles:
        """Where the states are written."""
        return StateFiles(self.folders.processing)

    def start(self) -> None:
        """Make the folders, and take up what a process before this one left. Raises StoreError
        where they cannot be written."""
        self.folders.make()
        with told(self.folders.root):
            self.folders.sweep()
        known = set()
        for found in self.states.read():
            if isinstance(found, Corrupt):
                log.warning("state.corrupt", path=str(found.path), reason=found.reason)
                continue
            known.add(found.ticker)
            if found.status is ProcessingStatus.MOVED_TO_PROCESSING:
                self._call(found)
        for path, ticker in self._moved():
            if ticker not in known:  # killed before it wrote a state
                self._taken(ticker, self.folders.entry / path.name, path)

    def _moved(self) -> Iterator[tuple[Path, str]]:
        for path in files(self.folders.processing):
            if not path.name.endswith(ENDING) and (found := read(path)).kind == "asks":
                yield path, found.ticker

    def turn(self) -> int:
        """Take what was dropped. Gives how many files were taken or refused."""
        with told(self.folders.entry):
            dropped = files(self.folders.entry)
        done = 0
        for path in dropped:
            with suppress(FileNotFoundError):  # it was taken away again
                done += self._look_at(path)
        return done

    def _look_at(self, path: Path) -> bool:
        found = read(path)
        if found.kind == "torn" and not self._is_settled(path, found.identity):
            return False
        self._torn.pop(path.name, None)
        if found.kind == "asks":
            self._take(path, found)
        else:
            target = self.folders.reject(path, found.reason)
            log.warning("watch.rejected", path=str(target), reason=found.reason)
        return True

    def _is_settled(self, path: Path, now: Identity) -> bool:
        """Whether a file that is not whole has not changed for a while: it is being written."""
        before, since = self._torn.get(path.name, (None, datetime.now(UTC)))
        if before != now:
            since = datetime.now(UTC)
            self._torn[path.name] = (now, since)
        return (datetime.now(UTC) - since).total_seconds() >= SETTLE_S

    def _take(self, path: Path, found: Dropped) -> None:
        with told(path):
            target = move(path, free(self.folders.processing, path.name))
        self._taken(found.ticker, path, target)

    def _taken(self, ticker: str, path: Path, target: Path) -> None:
        state = ProcessingState(
            ticker=ticker,
            original_file_path=str(path),
            status=ProcessingStatus.MOVED_TO_PROCESSING,
            processing_file_path=str(target),
            state_file_path=str(self.states.path(ticker)),
        )
        self.states.write(state)
        self._call(state)

    def _call(self, state: ProcessingState) -> None:
        try:
            self.callback(state)
        except Exception as error:  # the next files are none the worse for it
            failed = in_error(state, f"The callback failed: {error}")
            self.states.write(replace(failed, metadata={"error": type(error).__name__}))
            log.error("watch.callback", ticker=state.ticker, reason=str(error))


def watch_input_folder(
    folder: str | Path,
    callback: Callback,
    *,
    interval_s: float = INTERVAL_S,
    stop: threading.Event | None = None,
) -> None:
    """Call back with each ticker that is or will be dropped into a folder, until interrupted.

    callback: gets a ProcessingState, in this thread, one after the other; stop: ends it when set;
    interval_s: how often the folder is looked at, events or none.
    """
    handler = TickerFileHandler(folder, callback)
    handler.start()
    for _ in wakes(handler.folders.entry, interval_s):
        if stop is not None and stop.is_set():
            return
        handler.turn()
