"""Where tickers stand, as the older system's record: from the journal, as it stands on the disk."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from raymill.app.filings.companies import Filings
from raymill.compat.sec_filings import lay_out
from raymill.compat.state_folder import StateFolder
from raymill.compat.ticker_config import TickerConfig
from raymill.compat.work import Work
from raymill.errors import RaymillError
from raymill.filings.ledger import Standing
from raymill.filings.statefiles import read_state, state_of
from raymill.filings.status import ProcessingState, ProcessingStatus
from raymill.filings.tickers import called

PAGE = 1000


class TickerStates:
    """The states of tickers: those the journal knows, and those that only files have."""

    def __init__(self, config: TickerConfig, filings: Filings) -> None:
        self.filings, self._config = filings, config
        self.folder = StateFolder(config.state_dir, filings.ledger.find)
        self.work = Work(filings.workflows.store)
        self._kept: dict[str, tuple[Standing, ProcessingState]] = {}

    @property
    def kept(self) -> int:
        """How many states are in memory."""
        return len(self._kept)

    def find(self, name: str) -> ProcessingState | None:
        """Where a ticker stands, None if it was never asked for."""
        try:
            company = called(name)
        except RaymillError:
            return None
        known = self.filings.ledger.find(company)
        if known is None:
            return self.folder.other(company)
        return self.of(self.filings.standing(known))

    def of(self, now: Standing) -> ProcessingState:
        """The state of a ticker that stands somewhere."""
        before = self._kept.get(now.called)
        if before is not None and before[0] == now:
            return before[1]
        state = self._stored(now) or self._made(now)
        self._kept[now.called] = (now, state)
        return state

    def tell(self, now: Standing) -> ProcessingState:
        """Write the state of a ticker that has come to stand elsewhere. Raises StoreError."""
        state, newest = self._made(now), self.filings.ledger.find(now.called)
        self._kept[now.called] = (now, state)
        if newest is None or newest.run == now.run:
            self.folder.write(state)
        return state

    def _stored(self, now: Standing) -> ProcessingState | None:
        """What the disk has of a ticker that has ended, if that is still so."""
        if not now.status.is_over:
            return None
        try:
            found = read_state(self.folder.files.path(now.called))
        except RaymillError:
            return None
        told = (found.metadata.get("run"), found.status, found.error_message or "")
        return found if told == (now.run, now.status, now.message) else None

    def _made(self, now: Standing) -> ProcessingState:
        paths = self.filings.paths(now)
        newest = self.filings.newest(now)
        if newest is not None and paths["sec_filing_path"]:
            document, folder = Path(paths["sec_filing_path"]), self._config.sec_filings_dir
            paths["sec_filing_path"] = lay_out(folder, now.called, newest, document)
        state = state_of(now, self.folder.files, **paths)
        tally = self.work.count(now.run, is_over=now.status.is_over)
        more = {"attempts": tally.attempts, "processing_duration": state.get_processing_duration()}
        return replace(state, metadata=state.metadata | more)

    def page(self, *, after: str = "", most: int = PAGE) -> list[ProcessingState]:
        """A page of states by ticker."""
        ledger = self.filings.ledger
        found = [self.of(self._now(one)) for one in ledger.page(after=after, most=most)]
        found += [one for one in self.folder.others().values() if one.ticker > after]
        return sorted(found, key=lambda state: state.ticker)[:most]

    def _now(self, known: Standing) -> Standing:
        return known if known.status.is_over else self.filings.standing(known)

    def all(self, status: ProcessingStatus | None = None) -> list[ProcessingState]:
        """All states by ticker, or those of one status."""
        found: list[ProcessingState] = []
        after = ""
        while page := self.page(after=after):
            found += page
            after = page[-1].ticker
        return [one for one in found if status in (None, one.status)]

    def forget(self) -> int:
        """Drop the states in memory; they are made again when asked for."""
        count = len(self._kept)
        self._kept.clear()
        return count

    def clean(self, keep_days: float) -> int:
        """Remove the files of states that completed so many days ago. The journal keeps them."""
        before = datetime.now(UTC) - timedelta(days=keep_days)
        return sum(self.folder.remove(name) for name in list(self._completed(before)))

    def _completed(self, before: datetime) -> Iterator[str]:
        for state in self.folder.others().values():
            if state.is_completed() and (state.updated_at or state.created_at) < before:
                yield state.ticker
        ledger, after = self.filings.ledger, ""
        while page := ledger.page(after=after, most=PAGE, status=ProcessingStatus.COMPLETED):
            yield from (one.called for one in page if one.updated < before.timestamp())
            after = page[-1].called


def refusal(name: str, file: str, reason: str, **more: Any) -> ProcessingState:
    """A state in error that nothing stands behind."""
    status = ProcessingStatus.ERROR
    return ProcessingState(name, file, status, error_message=reason, metadata=more)
