"""A drop folder: each file that names a ticker becomes a run, and then moves on.

A run is submitted before its file is moved. So whenever the process is killed, a file that still
lies in the folder is asked for again, which joins the run that is under way or looks for new
filings; none is lost, and no filing is processed twice.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from raymill import faults
from raymill.filings.dropped import Dropped, Identity, identity, read
from raymill.filings.folders import Folders, files, free, move, told
from raymill.filings.ledger import Standing
from raymill.filings.statefiles import ENDING, Corrupt, StateFiles, state_of
from raymill.filings.status import ProcessingState
from raymill.log import get_logger

SETTLE_S = 2.0  # what is no JSON and does not change for so long is refused
MOST_OPEN = 256  # companies under way; more files wait in the folder

log = get_logger()

Ask = Callable[[str, str, str], Standing]
"""Has a ticker processed that came in a file, which goes to another place."""
Look = Callable[[Standing], Standing]
Paths = Callable[[Standing], dict[str, str | None]]


@dataclass
class Counts:
    """What a watch has done since it began."""

    taken: int = 0
    rejected: int = 0
    corrupt: int = 0


@dataclass
class Watcher:
    """Takes dropped files. `turn` does what there is to do; somebody else says when.

    ask: has a ticker processed; look: says where a company stands; paths: what a state has of
    files besides; adopt: takes over what an older program left of a ticker.
    """

    folders: Folders
    ask: Ask
    look: Look
    paths: Paths
    adopt: Callable[[ProcessingState], None] = lambda state: None
    clock: Callable[[], float] = time.monotonic
    settle_s: float = SETTLE_S
    most_open: int = MOST_OPEN
    counts: Counts = field(default_factory=Counts)
    _open: dict[str, Standing] = field(default_factory=dict)
    _told: dict[str, Standing] = field(default_factory=dict)
    _torn: dict[str, tuple[Identity, float]] = field(default_factory=dict)

    @property
    def states(self) -> StateFiles:
        """Where the states are written."""
        return StateFiles(self.folders.processing)

    def start(self, known: Callable[[str], Standing | None]) -> None:
        """Take up what a process before this one left, and what an older program left.

        known: finds the company of a name.
        """
        self.folders.make()
        with told(self.folders.root):
            self.folders.sweep()
            tickers = self._moved()
        for found in self.states.read():
            if isinstance(found, Corrupt):
                self.counts.corrupt += 1
                log.warning("watch.corrupt", path=str(found.path), reason=found.reason)
                continue
            tickers.pop(found.ticker, None)
            self._resume(found, known(found.ticker))
        for called in tickers:  # killed before it wrote a state
            if (one := known(called)) is not None:
                self._open[called] = one

    def _moved(self) -> dict[str, Path]:
        """The tickers of the files that were taken."""
        moved = files(self.folders.processing)
        found = ((read(path), path) for path in moved if not path.name.endswith(ENDING))
        return {one.ticker: path for one, path in found if one.kind == "asks"}

    def _resume(self, state: ProcessingState, known: Standing | None) -> None:
        """Go on with a ticker in whatever state it was left; one that failed here stays so."""
        if state.is_completed() or (state.has_error() and known is not None):
            return
        if known is None:
            self.adopt(state)
            file, moved = state.original_file_path, state.processing_file_path
            known = self.ask(state.ticker, file, moved or "")
        self._open[known.called] = known

    def turn(self) -> bool:
        """Take what was dropped, and write the states that changed; whether anything happened."""
        before = (self.counts.taken, self.counts.rejected)
        changed = self._write_states()
        for path in self._dropped():
            if len(self._open) >= self.most_open:
                break
            with suppress(FileNotFoundError):  # it was taken away again
                self._look_at(path)
        return changed or before != (self.counts.taken, self.counts.rejected)

    def _dropped(self) -> Iterator[Path]:
        with told(self.folders.entry):
            found = files(self.folders.entry)
        names = {path.name for path in found}
        self._torn = {name: seen for name, seen in self._torn.items() if name in names}
        yield from found

    def _look_at(self, path: Path) -> None:
        found = read(path)
        if found.kind == "asks":
            self._take(path, found)
        elif found.kind == "wrong" or self._is_settled(path.name, found.identity):
            self._reject(path, found)

    def _is_settled(self, name: str, now: Identity) -> bool:
        """Whether a file that is not whole has not changed for a while."""
        before, since = self._torn.get(name, (None, 0.0))
        if before != now:
            since = self.clock()
            self._torn[name] = (now, since)
        return self.clock() - since >= self.settle_s

    def _take(self, path: Path, found: Dropped) -> None:
        target = free(self.folders.processing, path.name)
        known = self.ask(found.ticker, str(path), str(target))
        self._open[known.called] = known
        faults.point("watch.submitted")
        with told(path):
            if identity(path) != found.identity:
                return  # it was replaced meanwhile: it is read again, and moved then
            target = move(path, target)
        self.counts.taken += 1
        log.info("watch.taken", ticker=found.ticker, path=str(target), run=known.run)

    def _reject(self, path: Path, found: Dropped) -> None:
        target = self.folders.reject(path, found.reason)
        self.counts.rejected += 1
        log.warning("watch.rejected", path=str(target), reason=found.reason)

    def _write_states(self) -> bool:
        changed = False
        for called, known in list(self._open.items()):
            now = self.look(known)
            if self._told.get(called) != now:
                self.states.write(state_of(now, self.states, **self.paths(now)))
                self._told[called] = now
                changed = True
            if now.status.is_over:
                del self._open[called], self._told[called]
            else:
                self._open[called] = now
        return changed
