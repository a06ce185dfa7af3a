"""`<TICKER>_state.json`: written from the journal for those who read such files."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from raymill import json
from raymill.errors import ConfigError, DataError
from raymill.filings.folders import told, write
from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingState
from raymill.filings.tickers import called

ENDING = "_state.json"
CORRUPT = ".corrupt"


class Corrupt(NamedTuple):
    """A state file that cannot be read, where it was set aside, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class StateFiles:
    """The state files of a folder."""

    folder: Path

    def path(self, called: str) -> Path:
        """The file of a company."""
        return self.folder / f"{called}{ENDING}"

    def write(self, state: ProcessingState) -> None:
        """Write a state; the file is there whole or not at all."""
        path = self.path(state.ticker)
        with told(path):
            write(path, json.dumps(state.to_dict(), indent=True) + b"\n")

    def read(self) -> Iterator[ProcessingState | Corrupt]:
        """Read all states; one that is torn is set aside as `*.corrupt`."""
        for path in sorted(self.folder.glob(f"*{ENDING}")):
            try:
                yield read_state(path)
            except DataError as error:
                aside = path.with_name(f"{path.name}{CORRUPT}")
                path.replace(aside)
                yield Corrupt(aside, error.message)


def read_state(path: Path) -> ProcessingState:
    """Read a state file. Raises DataError where it is torn or bears the name of another ticker."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, json.JSONError) as error:
        raise DataError(f"`{path}` is torn: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"`{path}` holds no object")
    state = ProcessingState.from_dict(value)
    try:
        is_its_own = called(state.ticker) == called(path.name.removesuffix(ENDING))
    except ConfigError as error:
        raise DataError(f"`{path}` is the state of no company: {error.message}") from error
    if not is_its_own:
        raise DataError(f"`{path}` is the state of `{state.ticker}`")
    return state


def state_of(now: Standing, folder: StateFiles, **more: Any) -> ProcessingState:
    """The state of a company; `more` are paths that its standing does not know."""
    asked = now.asked or {}
    created, updated = (datetime.fromtimestamp(at, UTC) for at in (now.created, now.updated))
    metadata = {"run": now.run, "filings": now.filings, "failed": now.failed}
    return ProcessingState(
        ticker=now.called,
        original_file_path=asked.get("file") or "",
        status=now.status,
        created_at=created,
        updated_at=max(created, updated),
        processing_file_path=asked.get("moved"),
        state_file_path=str(folder.path(now.called)),
        error_message=now.message or None,
        metadata=metadata | {"facts_count": now.facts},
        **more,
    )
