"""Tickers of one configuration: has them processed, and says where each of them stands.

It runs no step itself: it submits through the app and reads the journal. All names of the older
system are shells around it, on Ray or not.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from raymill.app.filings.companies import Filings
from raymill.app.filings.watching import adopt
from raymill.app.workflows import Workflows
from raymill.compat.following import Follower
from raymill.compat.input_files import take, taken_or_found
from raymill.compat.sec_filings import lay_out
from raymill.compat.state_folder import StateFolder
from raymill.compat.ticker_config import TickerConfig
from raymill.compat.work import Work
from raymill.config import settings
from raymill.errors import RaymillError
from raymill.filings.filing import ticker_of
from raymill.filings.ledger import Standing
from raymill.filings.statefiles import state_of
from raymill.filings.status import ProcessingState, ProcessingStatus
from raymill.filings.tickers import called, ticker

PAGE = 1000
UNKNOWN = "is unknown: it was never asked for"


class Ticket(NamedTuple):
    """What came of asking for a ticker: where it stands, or the state that refuses it."""

    known: Standing | None
    refused: ProcessingState | None = None


class Tickers:
    """The tickers that are processed with a configuration.

    began: since when is counted; whoever takes over from another hands on when that one began.
    """

    def __init__(self, config: TickerConfig, *, began: float | None = None) -> None:
        self.config = config
        self.began = began or time.time()
        self.filings = Filings(Workflows(workers=config.workers))
        self.folder = StateFolder(config.state_dir, self.filings.ledger.find)
        self.work = Work(self.filings.workflows.store)
        self._states: dict[str, tuple[Standing, ProcessingState]] = {}
        self._refused: dict[str, ProcessingState] = {}
        self._follower = Follower(self.filings, self._told)
        self._take_up()

    def _take_up(self) -> None:
        """Go on telling of what a process before this one told of last."""
        for state, known in self.folder.start():
            if not state.status.is_over:
                self._follower.add(known)
        for known in self.filings.ledger.since(self.began, PAGE):
            if known.status.is_over:
                self.work.count(known.run, is_over=True)
            else:
                self._follower.add(known)

    def close(self) -> None:
        """Follow nothing more; what was asked for is processed all the same."""
        self._follower.close()
        self.filings.workflows.close()

    # Asking

    def submit(self, file: str, name: str) -> Ticket:
        """Have a ticker processed that came in a file; the file is moved once that is on the disk.

        What cannot be is refused by a state in error. Raises ConfigError where nothing can be
        processed at all, as without an identity.
        """
        settings().filings.who()
        try:
            company = ticker(name)
        except RaymillError as error:
            return Ticket(None, self._refuse(_refusal(name, file, error.message)))
        try:
            path, target = taken_or_found(file, self.config.processing_dir)
        except RaymillError as error:
            return Ticket(None, self._refuse(_refusal(company, file, error.message)))
        if (state := self.folder.other(company)) is not None:
            adopt(state)
        (known,) = self.filings.ask(
            company,
            how={"engine": self.config.engine},
            forms=self.config.forms,
            since=self.config.since,
            output=str(self.config.output_dir),
            file=str(path),
            moved=str(target),
        )
        try:
            take(path, target)
        except RaymillError as error:
            return Ticket(known, self._refuse(_refusal(company, file, error.message)))
        self._refused.pop(company, None)
        self._follower.add(known)
        return Ticket(known)

    def _refuse(self, state: ProcessingState) -> ProcessingState:
        """Keep a refusal; on the disk where it is all that is known of a ticker."""
        name = state.ticker
        if ticker_of(name) == name and self.filings.ledger.find(name) is None:
            state = replace(state, state_file_path=str(self.folder.files.path(name)))
            self.folder.write(state)
        self._refused[name] = state
        return state

    def follow(self, ticket: Ticket) -> "Future[ProcessingState]":
        """The state of a ticker at its end."""
        if ticket.known is not None and ticket.refused is None:
            return self._follower.add(ticket.known)
        future: Future[ProcessingState] = Future()
        future.set_result(ticket.refused or _refusal("", "", ""))
        return future

    def retry(self, name: str) -> Standing:
        """Take a ticker up that failed, at the step where it failed. Raises ConfigError if it was
        never asked for."""
        company = ticker(name)
        known = self.filings.find(company)
        self._refused.pop(company, None)
        return self.filings.retry(known, {"engine": self.config.engine})

    # Looking

    def state(self, name: str) -> ProcessingState:
        """Where a ticker stands. One that was never asked for is in error, and says so."""
        refused = self._refused.get(ticker_of(name) or name)
        if refused is not None:
            return refused
        found = self.find(name)
        return found or _refusal(name, "", f"`{name}` {UNKNOWN}", unknown=True)

    def find(self, name: str) -> ProcessingState | None:
        """Where a ticker stands, None if it was never asked for."""
        try:
            company = called(name)
        except RaymillError:
            return None
        known = self.filings.ledger.find(company)
        if known is None:
            return self.folder.other(company)
        return self._state(self.filings.standing(known))

    def under_way(self, name: str) -> "Future[ProcessingState] | None":
        """The state of a ticker at its end, None if it is not under way."""
        try:
            known = self.filings.ledger.find(called(name))
        except RaymillError:
            return None
        if known is None or self.filings.standing(known).status.is_over:
            return None
        return self._follower.add(known)

    def page(
        self, status: ProcessingStatus | None = None, *, after: str = "", most: int = PAGE
    ) -> list[ProcessingState]:
        """A page of states by ticker."""
        wanted = None if status is None else status.value
        known = self.filings.page(status=wanted, after=after, most=most)
        found = [self._state(one) for one in known]
        others = self.folder.others().values()
        found += [one for one in others if one.ticker > after and status in (None, one.status)]
        return sorted(found, key=lambda state: state.ticker)[:most]

    def _told(self, now: Standing) -> ProcessingState:
        state, newest = self._state(now), self.filings.ledger.find(now.called)
        if newest is None or newest.run == now.run:
            self.folder.write(state)
        return state

    def _state(self, now: Standing) -> ProcessingState:
        before = self._states.get(now.called)
        if before is not None and before[0] == now:
            return before[1]
        paths = self.filings.paths(now)
        newest = self.filings.newest(now)
        if newest is not None and paths["sec_filing_path"]:
            document = Path(paths["sec_filing_path"])
            folder = self.config.sec_filings_dir
            paths["sec_filing_path"] = lay_out(folder, now.called, newest, document)
        state = state_of(now, self.folder.files, **paths)
        tally = self.work.count(now.run, is_over=now.status.is_over)
        more = {"attempts": tally.attempts, "processing_duration": state.get_processing_duration()}
        state = replace(state, metadata=state.metadata | more)
        self._states[now.called] = (now, state)
        return state

    # Counting

    def stats(self) -> dict[str, Any]:
        """How many tickers stand where: each of the nine states, zero or not."""
        seen, going = self._follower.seen(), self.filings.ledger.going()
        counts = Counter(one.status for one in self.folder.others().values())
        for status, count in self.filings.ledger.counts().items():
            counts[status] += count if status.is_over else 0
        counts.update(seen[name].status if name in seen else going[name] for name in going)
        return {
            "total_states": counts.total(),
            "by_status": {status.value: counts[status] for status in ProcessingStatus},
            "cached_states": len(self._states),
            "corrupt_files": list(self.folder.corrupt),
        }

    def progress(self) -> dict[str, Any]:
        """What became of tickers since this began; those are active that are under way now."""
        ended = self.filings.ledger.counts(self.began)
        completed = ended[ProcessingStatus.COMPLETED]
        failed = ended[ProcessingStatus.ERROR] + len(self._refused)
        seconds = max(time.time() - self.began, 1e-3)
        return {
            "total_processed": completed + failed,
            "total_errors": failed,
            "active_tasks": len(self.filings.ledger.going()),
            "completed_tasks": completed,
            "failed_tasks": failed,
            "runtime_seconds": seconds,
            "throughput_per_minute": (completed + failed) / seconds * 60,
        }

    def status(self) -> dict[str, Any]:
        """`progress`, `stats` and what each worker did."""
        return {
            "orchestrator": self.progress(),
            "state_manager": self.stats(),
            "workers": self.work.workers(self.config.workers),
        }

    # Cleaning

    def forget(self) -> int:
        """Drop states that are kept in memory; they are made again when asked for."""
        count = len(self._states)
        self._states.clear()
        return count

    def clean_up(self, keep_days: float = 7) -> dict[str, int]:
        """Drop states in memory, and the files of states that completed so many days ago."""
        return {
            "cache_entries_cleaned": self.forget(),
            "state_files_cleaned": self.clean(keep_days),
        }

    def clean(self, keep_days: float) -> int:
        """Remove the files of states that completed so many days ago. The journal keeps them."""
        before = datetime.now(UTC) - timedelta(days=keep_days)
        return sum(self.folder.remove(name) for name in list(self._completed(before)))

    def _completed(self, before: datetime) -> Iterator[str]:
        for state in self.folder.others().values():
            if state.is_completed() and _updated(state) < before:
                yield state.ticker
        for known in self._known(ProcessingStatus.COMPLETED):
            if known.updated < before.timestamp():
                yield known.called

    def _known(self, status: ProcessingStatus) -> Iterable[Standing]:
        after = ""
        while page := self.filings.ledger.page(after=after, most=PAGE, status=status):
            yield from page
            after = page[-1].called


def _updated(state: ProcessingState) -> datetime:
    return state.updated_at or state.created_at


def _refusal(name: str, file: str, reason: str, **more: Any) -> ProcessingState:
    """A state in error that nothing stands behind."""
    status = ProcessingStatus.ERROR
    return ProcessingState(name, file, status, error_message=reason, metadata=more)
