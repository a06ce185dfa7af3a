"""Watches a drop folder as a run without an end, and finds the run of a folder."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from raymill.app.filings.companies import Filings
from raymill.app.filings.rooms import open_archive
from raymill.app.workflows import Workflows, id_of
from raymill.errors import ConfigError
from raymill.filings.archive import SUBMISSION, filed
from raymill.filings.folders import Folders
from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingState
from raymill.filings.submission import read_header
from raymill.filings.watch import Watcher
from raymill.flow.pool import StepContext
from raymill.state.store import OPEN

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
        forms = asked.get("forms") or ()
        return filings.ask(ticker, forms=forms, file=file, moved=moved, **options)

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


def start(workflows: Workflows, asked: dict[str, Any], **how: Any) -> tuple[str, bool]:
    """Have a folder watched. Gives the run, and whether it is a new one.

    Raises ConfigError where it is watched with other options.
    """
    from raymill.app.filings.flows import WATCH

    for number in count(1):
        key = f"{asked['folder']}\0{number}"
        run = id_of(WATCH, key)
        row = workflows.store.run(run)
        if row is not None and row.status not in OPEN:
            continue
        workflows.submit(PLACE, asked, key=key, **how)
        if workflows.run(run).input == asked:
            return run, row is None
        raise ConfigError(
            f"`{asked['folder']}` is watched with other options by run {run}",
            hint=f"raymill workflows cancel {run}",
        )
    raise AssertionError("numbers do not end")
