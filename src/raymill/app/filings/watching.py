"""Watches a drop folder as a run without an end, and finds the run of a folder."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raymill.app.filings.companies import Filings
from raymill.app.filings.once import one_at_a_time
from raymill.app.filings.rooms import open_archive
from raymill.app.workflows import Workflows
from raymill.filings.archive import SUBMISSION, filed
from raymill.filings.folders import Folders
from raymill.filings.ledger import Ledger, Standing
from raymill.filings.status import ProcessingState
from raymill.filings.submission import read_header
from raymill.filings.watch import Watcher
from raymill.flow.pool import StepContext

PLACE = "raymill.app.filings:WATCH"
INTERVAL_S = 1.0  # how often the folder is looked at, events or none


def watch(asked: Mapping[str, Any], ctx: StepContext) -> None:
    """Take what is dropped into a folder, until the run is cancelled."""
    folders = Folders(Path(asked["folder"]))
    with Filings() as filings:
        watcher = _watcher(filings, folders, asked)
        watcher.start(filings.ledger.find)
        for _ in wakes(folders.entry, asked.get("interval_s") or INTERVAL_S):
            ctx.check()
            if watcher.turn():
                ctx.save(asdict(watcher.counts))


def _watcher(filings: Filings, folders: Folders, asked: Mapping[str, Any]) -> Watcher:
    def ask(ticker: str, file: str, moved: str) -> Standing:
        options = {name: asked.get(name) for name in ("since", "output")}
        options |= {"forms": tuple(asked.get("forms") or ()), "file": file, "moved": moved}
        return filings.ask(ticker, **options)[0]

    return Watcher(folders, ask, filings.standing, filings.paths, adopt)


def wakes(folder: Path, interval_s: float) -> Iterator[None]:
    """Wake when something happens in a folder, and after an interval at the latest.

    Events are a convenience: a file system that has none is looked at all the same.
    """
    from watchfiles import watch as events

    yield
    milliseconds = max(1, int(interval_s * 1000))
    for _ in events(
        folder,
        watch_filter=None,
        debounce=100,
        step=20,
        rust_timeout=milliseconds,
        yield_on_timeout=True,
        raise_interrupt=False,
        recursive=False,
    ):
        yield


def adopt(state: ProcessingState) -> None:
    """Take a submission over that an older program fetched, so that it is not fetched again."""
    path = Path(state.sec_filing_path or "")
    if not state.sec_filing_path or not path.is_file():
        return
    body = path.read_bytes()
    filing = read_header(body).filing
    if filing.cik is None or filing.accession is None or b"<DOCUMENT>" not in body:
        return
    place = filed(filing.cik, filing.accession, SUBMISSION)
    archive = open_archive()
    if not archive.holds(place):
        fetched = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        archive.put(place, body, url=path.absolute().as_uri(), fetched=fetched)


def start(
    workflows: Workflows, ledger: Ledger, asked: dict[str, Any], **how: Any
) -> tuple[str, bool]:
    """Have a folder watched. Gives the run, and whether it is a new one.

    Raises ConfigError where it is watched with other options.
    """
    from raymill.app.filings.flows import WATCH

    return one_at_a_time(workflows, ledger, WATCH, PLACE, f"watch {asked['folder']}", asked, **how)
