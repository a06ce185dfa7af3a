"""`StateManager`: the states of tickers in this process, without Ray."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raymill.compat.begun import Begun
from raymill.compat.ticker_config import ticker_config
from raymill.compat.tickers import Tickers
from raymill.errors import ConfigError
from raymill.filings.status import ProcessingState, ProcessingStatus
from raymill.filings.tickers import called

__all__ = ["ProcessingState", "ProcessingStatus", "StateManager"]

Step = Callable[..., ProcessingState]


class StateManager:
    """Keeps the states of tickers, and has tickers processed.

    The journal of `RAYMILL_HOME` is the truth of what raymill processes: its state files are
    written from it. Files of other tickers are read and written as they are.
    """

    def __init__(self, state_dir: str | Path) -> None:
        self._begin(state_dir)
        self._begun.get()

    def _begin(self, state_dir: str | Path) -> None:
        self._begun = Begun(lambda: Tickers(ticker_config({"state_dir": state_dir})))

    @property
    def _tickers(self) -> Tickers:
        return self._begun.get()

    def save_state(self, state: ProcessingState) -> str:
        """Write a state, whole or not at all. Gives the path of its file.

        Raises ConfigError where its ticker is none, StoreError.
        """
        return str(self._saved(state).state_file_path)

    def _saved(self, state: ProcessingState) -> ProcessingState:
        folder, name = self._tickers.states.folder, called(state.ticker)
        stored = replace(state, ticker=name, state_file_path=str(folder.files.path(name)))
        folder.write(stored)
        return stored

    def load_state(self, path: str | Path) -> ProcessingState:
        """Read a state file; one that is torn is set aside. Raises InputError, DataError."""
        return self._tickers.states.folder.load(Path(path))

    def find_state_by_ticker(self, ticker: str) -> ProcessingState | None:
        """Where a ticker stands, None if nothing is known of it."""
        return self._tickers.states.find(ticker)

    def list_states(
        self, status_filter: ProcessingStatus | str | None = None
    ) -> list[ProcessingState]:
        """All states by ticker, or those of one status."""
        wanted = None if status_filter is None else ProcessingStatus(status_filter)
        return self._tickers.states.all(wanted)

    def get_processing_stats(self) -> dict[str, Any]:
        """How many tickers stand where, each of the nine states; no file is read for it."""
        return self._tickers.stats()

    def cleanup_cache(self) -> int:
        """Drop the states in memory. Gives how many."""
        return self._tickers.states.forget()

    def cleanup_completed_states(self, keep_days: float = 30) -> int:
        """Remove the files of states that completed so many days ago. Gives how many."""
        return self._tickers.states.clean(keep_days)

    def process_step(self, state: ProcessingState, step: Step, *given: Any) -> ProcessingState:
        """Run a step of your own here and save what it gives; an error becomes a state in error."""
        try:
            after = step(state, *given)
        except Exception as error:  # the state tells of it, as it did
            name = getattr(step, "__name__", type(step).__name__)
            after = in_error(state, f"{name} failed: {error}")
        return self._saved(after)

    def execute_workflow(
        self, state: ProcessingState, config: Mapping[str, Any], timeout: float | None = None
    ) -> ProcessingState:
        """Have the ticker of a state processed, from whatever state it is in. Gives its last one.

        After `timeout` seconds it gives the state as it stands; the run goes on.
        """
        tickers = self._with(config)
        try:
            file = state.processing_file_path or state.original_file_path
            ticket = tickers.submit(file, state.ticker)
            return ticket.refused or tickers.wait([state.ticker], timeout)[state.ticker]
        finally:
            tickers.close()

    def retry_failed_processing(
        self, ticker: str, config: Mapping[str, Any], timeout: float | None = None
    ) -> ProcessingState:
        """Take a ticker up that failed, at the step where it failed. Gives its last state."""
        tickers = self._with(config)
        try:
            tickers.retry(ticker)
            return tickers.wait([ticker], timeout)[ticker]
        finally:
            tickers.close()

    def _with(self, config: Mapping[str, Any]) -> Tickers:
        mine = self._tickers.config.state_dir
        chosen = ticker_config({"state_dir": mine, **config})
        if chosen.state_dir != mine:
            raise ConfigError(
                f"The configuration has `state_dir` `{chosen.state_dir}`, this manager `{mine}`",
                hint="leave it out, or make the manager with it",
            )
        return Tickers(chosen)

    def close(self) -> None:
        """Let go of the store. What was asked for is processed all the same."""
        self._tickers.close()


def in_error(state: ProcessingState, message: str) -> ProcessingState:
    """A state that failed now."""
    status = ProcessingStatus.ERROR
    return replace(state, status=status, error_message=message, updated_at=datetime.now(UTC))
