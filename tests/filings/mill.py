"""The workflows of filings in a folder, over servers that replay, run in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filings.edgar_server import edgar_at
from raymill.app.workbench import Workbench
from raymill.errors import DataError, SourceError
from raymill.filings.dataset import Facts
from raymill.filings.flow import declare, declare_bulk, declare_update
from raymill.filings.handover import Handover
from raymill.filings.ledger import Claim, Ledger
from raymill.filings.room import Furnished
from raymill.flow.workflow import Retry, Workflow
from raymill.state.database import open_database
from raymill.testing.replay import ReplayServer

SOON = Retry(attempts=2, on=(DataError, SourceError), first_s=0)


class Mill:
    """The workflows over a room."""

    def __init__(self, folder: Path, room: Furnished) -> None:
        self.folder, self.room = folder, room
        self.flow = declare(lambda ctx: room, extract_s=None, asking=SOON)
        self.updating = declare_update(lambda ctx: room, self.flow, asking=SOON)
        self.bulk = declare_bulk(lambda ctx: room, piece_s=None)

    def run(self, company: str = "TNY", **asked: Any) -> Any:
        """Process a company; gives the output of its run."""
        known = self.room.ledger.find(company)
        generation = known.generation + 1 if known else 1
        with self.bench(self.flow) as bench:
            asked |= {"company": company, "called": company}
            (run,) = bench.start(self.flow, asked)
            self.room.ledger.claim([Claim(company, generation, run, asked)], self.room.now())
            bench.run()
            return bench.output(run)

    def of(self, flow: Workflow, **asked: Any) -> Any:
        """Run another workflow; gives its output."""
        with self.bench(flow) as bench:
            (run,) = bench.start(flow, asked)
            bench.run()
            return bench.output(run)

    @contextmanager
    def bench(self, flow: Workflow) -> Iterator[Workbench]:
        """A store and a pool for a workflow."""
        bench = Workbench(self.folder / "store", flow)
        try:
            yield bench
        finally:
            bench.close()

    def values(self, cik: int = 12345) -> list[str]:
        """The numbers of a company in the dataset."""
        return sorted(self.room.dataset.reports(cik)["value_text"].to_pylist())


@contextmanager
def mill_at(
    server: ReplayServer, folder: Path, *, now: float = 1_772_798_400.0, **how: Any
) -> Iterator[Mill]:
    """The workflows in a folder; the clock stands on 2026-03-06 12:00 UTC."""
    database = open_database(folder)
    with edgar_at(server, folder / "archive", **how) as edgar:
        room = Furnished(
            edgar,
            edgar.archive,
            Facts(folder / "lake", database),
            Handover(folder / "handover"),
            Ledger(database),
            clock=lambda: now,
        )
        yield Mill(folder, room)
    database.close()
