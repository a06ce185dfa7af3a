"""The state files of a folder: written of tickers that the journal knows, read of all others."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from raymill import json
from raymill.errors import DataError, InputError
from raymill.filings.folders import told
from raymill.filings.ledger import Standing
from raymill.filings.statefiles import CORRUPT, Corrupt, StateFiles
from raymill.filings.status import ProcessingState
from raymill.filings.tickers import called
from raymill.log import get_logger

log = get_logger(room="compat")

Find = Callable[[str], Standing | None]


class StateFolder:
    """States on disk. `find` says what the journal knows of a ticker, which goes before a file.

    The folder is read once: counting states reads no files.
    """

    def __init__(self, folder: Path, find: Find) -> None:
        self.files = StateFiles(folder)
        self._find = find
        self._lock = threading.Lock()
        self._others: dict[str, ProcessingState] = {}
        self.corrupt: list[str] = []
        """The files that could not be read, as they were set aside."""

    def start(self) -> Iterator[tuple[ProcessingState, Standing]]:
        """Read the folder. Gives the states that the journal knows more of."""
        with told(self.files.folder):
            self.files.folder.mkdir(parents=True, exist_ok=True)
        for found in self.files.read():
            if isinstance(found, Corrupt):
                self._report(found)
            elif (known := self._find(name := called(found.ticker))) is not None:
                yield found, known
            else:
                self._others[name] = found

    def _report(self, found: Corrupt) -> None:
        self.corrupt.append(str(found.path))
        log.warning("state.corrupt", path=str(found.path), reason=found.reason)

    def write(self, state: ProcessingState) -> None:
        """Write a state, whole or not at all. Raises StoreError."""
        self.files.write(state)
        with self._lock:
            if self._find(state.ticker) is None:
                self._others[state.ticker] = state
            else:
                self._others.pop(state.ticker, None)

    def other(self, called: str) -> ProcessingState | None:
        """A state that only a file has."""
        with self._lock:
            return self._others.get(called)

    def others(self) -> dict[str, ProcessingState]:
        """All states that only a file has."""
        with self._lock:
            return dict(self._others)

    def load(self, path: Path) -> ProcessingState:
        """Read any state file; one that is torn is set aside. Raises InputError, DataError."""
        try:
            return ProcessingState.from_dict(json.loads(path.read_bytes()))
        except FileNotFoundError:
            raise InputError(f"There is no state file `{path}`") from None
        except (json.JSONError, DataError) as error:
            aside = path.with_name(f"{path.name}{CORRUPT}")
            path.replace(aside)
            self._report(Corrupt(aside, str(error)))
            raise DataError(
                f"`{path}` is no state of a ticker: {error}", hint=f"it was set aside as `{aside}`"
            ) from error

    def remove(self, called: str) -> bool:
        """Take the file of a ticker away; whether there was one."""
        with self._lock:
            self._others.pop(called, None)
        path = self.files.path(called)
        with told(path):
            is_there = path.is_file()
            path.unlink(missing_ok=True)
        return is_there
