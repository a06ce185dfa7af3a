"""Tickers of one configuration: has them processed, and says where each of them stands.

It runs no step itself: it submits through the app and reads the journal. All names of the older
system are shells around it, on Ray or not.
"""

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, wait
from dataclasses import replace
from typing import Any, NamedTuple

from raymill.app.filings.companies import Filings
from raymill.app.filings.watching import adopt
from raymill.app.workflows import Workflows
from raymill.compat.following import Follower
from raymill.compat.input_files import take, taken_or_found
from raymill.compat.ticker_config import TickerConfig
from raymill.compat.ticker_states import PAGE, TickerStates, refusal
from raymill.config import settings
from raymill.errors import RaymillError
from raymill.filings.filing import ticker_of
from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingState, ProcessingStatus
from raymill.filings.tickers import called, ticker


class Ticket(NamedTuple):
    """What came of asking for a ticker: where it stands, and the state that refuses it if any."""

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
        self.states = TickerStates(config, self.filings)
        self._refused: dict[str, ProcessingState] = {}
        self._follower = Follower(self.filings, self.states.tell)
        self._take_up()

    def _take_up(self) -> None:
        """Go on telling of what a process before this one told of last."""
        for state, known in self.states.folder.start():
            if not state.status.is_over:
                self._follower.add(known)
        for known in self.filings.ledger.since(self.began, PAGE):
            if known.status.is_over:
                self.states.work.count(known.run, is_over=True)
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
            return Ticket(None, self._refuse(refusal(name, file, error.message)))
        try:
            path, target = taken_or_found(file, self.config.processing_dir)
        except RaymillError as error:
            return Ticket(None, self._refuse(refusal(company, file, error.message)))
        known = self._ask(company, str(path), str(target))
        try:
            take(path, target)
        except RaymillError as error:
            return Ticket(known, self._refuse(refusal(company, file, error.message)))
        self._refused.pop(company, None)
        self._follower.add(known)
        return Ticket(known)

    def _ask(self, company: str, file: str, moved: str) -> Standing:
        if (state := self.states.folder.other(company)) is not None:
            adopt(state)
        wanted = {"forms": self.config.forms, "since": self.config.since}
        wanted |= {"output": str(self.config.output_dir), "file": file, "moved": moved}
        return self.filings.ask(company, how={"engine": self.config.engine}, **wanted)[0]

    def _refuse(self, state: ProcessingState) -> ProcessingState:
        """Keep a refusal; on the disk where it is all that is known of a ticker."""
        name, folder = state.ticker, self.states.folder
        if ticker_of(name) == name and self.filings.ledger.find(name) is None:
            state = replace(state, state_file_path=str(folder.files.path(name)))
            folder.write(state)
        self._refused[name] = state
        return state

    def retry(self, name: str) -> Ticket:
        """Take a ticker up that failed, at the step where it failed. Raises ConfigError if it was
        never asked for."""
        company = ticker(name)
        known = self.filings.find(company)
        self._refused.pop(company, None)
        return Ticket(self.filings.retry(known, {"engine": self.config.engine}))

    # Waiting

    def follow(self, ticket: Ticket) -> "Future[ProcessingState]":
        """The state of a ticker at its end."""
        if ticket.known is not None and ticket.refused is None:
            return self._follower.add(ticket.known)
        future: Future[ProcessingState] = Future()
        future.set_result(ticket.refused or refusal("", "", ""))
        return future

    def under_way(self, names: Iterable[str]) -> "list[Future[ProcessingState]]":
        """Of those of some tickers that are under way, the states at their ends."""
        found: list[Future[ProcessingState]] = []
        for name in names:
            known = self.filings.ledger.find(called(name)) if ticker_of(name) else None
            if known is not None and not self.filings.standing(known).status.is_over:
                found.append(self._follower.add(known))
        return found

    def wait(
        self, names: Iterable[str], timeout: float | None = None
    ) -> dict[str, ProcessingState]:
        """The states of tickers when all have ended, or as they stand when the time is over."""
        wanted = list(names)
        wait(self.under_way(wanted), timeout)
        return {name: self.state(name) for name in wanted}

    def state(self, name: str) -> ProcessingState:
        """Where a ticker stands. One that was never asked for is in error, and says so."""
        refused = self._refused.get(ticker_of(name) or name)
        if refused is not None:
            return refused
        unknown = f"`{name}` is unknown: it was never asked for"
        return self.states.find(name) or refusal(name, "", unknown, unknown=True)

    # Counting

    def stats(self) -> dict[str, Any]:
        """How many tickers stand where: each of the nine states, zero or not."""
        seen, ledger = self._follower.seen(), self.filings.ledger
        counts = Counter(one.status for one in self.states.folder.others().values())
        for status, count in ledger.counts().items():
            counts[status] += count if status.is_over else 0
        for name, status in ledger.going().items():
            counts[seen[name].status if name in seen else status] += 1
        return {
            "total_states": counts.total(),
            "by_status": {status.value: counts[status] for status in ProcessingStatus},
            "cached_states": self.states.kept,
            "corrupt_files": list(self.states.folder.corrupt),
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
            "workers": self.states.work.workers(self.config.workers),
        }

    def clean_up(self, keep_days: float = 7) -> dict[str, int]:
        """Drop states in memory, and the files of states that completed so many days ago."""
        dropped = self.states.forget()
        files = self.states.clean(keep_days)
        return {"cache_entries_cleaned": dropped, "state_files_cleaned": files}
