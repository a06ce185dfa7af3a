"""The five steps of the older system, each a function of a state; and one of them as a workflow.

The functions raise; whoever asked for a step gets a state in error instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from raymill.app.filings.rooms import open_room
from raymill.compat.input_files import take, taken_or_found
from raymill.compat.sec_filings import lay_out
from raymill.errors import InputError, RaymillError, SourceError, unknown
from raymill.filings.export import write_facts
from raymill.filings.extract import extract_file
from raymill.filings.filing_steps import fetch, place_of
from raymill.filings.listing import FORMS
from raymill.filings.status import ProcessingState, ProcessingStatus
from raymill.filings.tickers import ticker
from raymill.flow.pool import StepContext
from raymill.flow.workflow import Retry, Step, Workflow

PLACE = "raymill.compat.ticker_steps:STEP"
NO_FILING = "SEC filing not found for fact extraction"


@dataclass(frozen=True, slots=True)
class MoveToProcessingStep:
    """Moves the file that a ticker came in."""

    processing_dir: str | Path
    name: ClassVar[str] = "move_to_processing"


@dataclass(frozen=True, slots=True)
class DownloadSecFilingStep:
    """Fetches the newest periodic report of a ticker."""

    output_dir: str | Path
    name: ClassVar[str] = "download_sec_filing"


@dataclass(frozen=True, slots=True)
class ExtractFactsStep:
    """Reads the facts of the report that was fetched."""

    name: ClassVar[str] = "extract_facts"


@dataclass(frozen=True, slots=True)
class SaveParquetStep:
    """Writes the facts of the report as `<TICKER>_facts.parquet`."""

    output_dir: str | Path
    name: ClassVar[str] = "save_parquet"


@dataclass(frozen=True, slots=True)
class ResetErrorStep:
    """Takes a state in error back to where it had come to."""

    name: ClassVar[str] = "reset_error"


def move_to_processing(
    state: ProcessingState, folder: str, ctx: StepContext | None = None
) -> ProcessingState:
    """Move the file of a ticker into a folder, over no other one."""
    moved = ctx.progress if ctx is not None else None
    if moved is None or not Path(moved).is_file():
        path, target = taken_or_found(state.original_file_path, Path(folder))
        if ctx is not None:
            ctx.save(str(target))
        take(path, target)
        moved = str(target)
    status = ProcessingStatus.MOVED_TO_PROCESSING
    return _now(state, status, processing_file_path=moved)


def download_sec_filing(
    state: ProcessingState, folder: str, ctx: StepContext | None = None
) -> ProcessingState:
    """Fetch the newest periodic report of a ticker, and lay it into a folder."""
    room = open_room(ctx)
    company = room.source.resolve(ticker(state.ticker))
    listed = room.source.filings(company.cik, FORMS)
    if not listed:
        raise InputError(f"`{state.ticker}` has filed no periodic report")
    newest = asdict(listed[0]) | {"filed": listed[0].filed.isoformat()}
    fetched = fetch(room, newest)
    if not fetched["documents"]:
        raise InputError(f"`{state.ticker}`: {fetched['reason']}")
    document = room.archive.folder.joinpath(*place_of(fetched).parts)
    path = lay_out(Path(folder), ticker(state.ticker), fetched, document)
    return _now(state, ProcessingStatus.SEC_FILING_DOWNLOADED, sec_filing_path=path)


def extract_facts(state: ProcessingState) -> ProcessingState:
    """Read the facts of the report, and note how many there are."""
    found = extract_file(_report(state))
    about = {"facts_count": found.facts.num_rows, "reason": found.reason}
    status = ProcessingStatus.FACTS_EXTRACTED
    return _now(state, status, metadata=state.metadata | about)


def save_parquet(state: ProcessingState, folder: str) -> ProcessingState:
    """Write the facts of the report as Parquet, whole or not at all."""
    found = extract_file(_report(state))
    path = write_facts(Path(folder) / f"{ticker(state.ticker)}_facts.parquet", found.facts)
    return _now(state, ProcessingStatus.COMPLETED, parquet_output_path=path)


def reset_error(state: ProcessingState) -> ProcessingState:
    """Take a state in error back to where it had come to; any other stays as it is."""
    return _now(state, state.reached(), error_message=None) if state.has_error() else state


def _report(state: ProcessingState) -> str:
    if not state.sec_filing_path or not Path(state.sec_filing_path).is_file():
        raise InputError(NO_FILING)
    return state.sec_filing_path


def _now(state: ProcessingState, status: ProcessingStatus, **more: Any) -> ProcessingState:
    return replace(state, status=status, updated_at=datetime.now(UTC), **more)


STEPS: Mapping[str, tuple[Callable[..., ProcessingState], str]] = {
    MoveToProcessingStep.name: (move_to_processing, ""),
    DownloadSecFilingStep.name: (download_sec_filing, "Failed to download SEC filing: "),
    ExtractFactsStep.name: (extract_facts, "Failed to extract facts: "),
    SaveParquetStep.name: (save_parquet, "Failed to save parquet: "),
}
"""What each step does, and how the text of its error begins."""
WITH_CONTEXT = (MoveToProcessingStep.name, DownloadSecFilingStep.name)


def apply(asked: Mapping[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Do one step. Gives the state after it."""
    if asked["step"] not in STEPS:
        raise unknown("step", asked["step"], STEPS)
    do, begins = STEPS[asked["step"]]
    more = {"ctx": ctx} if asked["step"] in WITH_CONTEXT else {}
    try:
        return do(ProcessingState.from_dict(asked["state"]), *asked["given"], **more).to_dict()
    except RaymillError as error:
        told = error.message if error.message == NO_FILING else f"{begins}{error.message}"
        raise type(error)(told, hint=error.hint) from error


STEP = Workflow(
    "ticker-step",
    Step(apply, retry=Retry(attempts=4, on=(SourceError,), first_s=30, most_s=600)),
    version="1",
)
"""One step of one ticker, as a run of its own."""
