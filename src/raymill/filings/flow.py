"""The steps as a workflow: a run for a company, and a child run for each of its filings."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from raymill.errors import DataError, SourceError, StoreError
from raymill.filings import bulk_steps, company_steps, filing_steps, update_steps
from raymill.filings.extract import VERSION as EXTRACTORS
from raymill.filings.metrics import standard
from raymill.filings.room import Room, Values
from raymill.flow.pool import StepContext, StepFailed
from raymill.flow.workflow import INPUT, Retry, Step, Workflow

NAME, CHILD = "filings", "filing"
DECLARED = 1  # grows when steps are cut otherwise
ASKING = Retry(attempts=4, on=(SourceError, DataError), first_s=30, most_s=600)
"""The SEC could not be reached, although each request was tried several times, or sent a page."""
COMPUTING = Retry(attempts=2, on=(DataError, TimeoutError), losses=2)
"""A broken document is fetched once more; one that ends two processes ends a third."""
STORING = Retry(attempts=3, on=(StoreError,), first_s=2)
"""The tables were busy, or the disk was full for a moment."""
EXTRACT_S = 600.0
PIECE_S = 3600.0

Open = Callable[[StepContext], Room]


def declare(
    open_room: Open, *, extract_s: float | None = EXTRACT_S, asking: Retry = ASKING
) -> Workflow:
    """The workflow over a room, which is opened in whatever process a step runs.

    extract_s: the longest that the facts of one document may take; None runs it without an end,
    and without a process of its own; asking: how the steps that ask the SEC are tried again.
    """

    def resolve(asked: Mapping[str, Any], ctx: StepContext) -> Values:
        return company_steps.resolve(open_room(ctx), asked, ctx.run)

    def discover(
        company: Mapping[str, Any], asked: Mapping[str, Any], ctx: StepContext
    ) -> list[Values]:
        return company_steps.discover(open_room(ctx), company, asked)

    def history(company: Mapping[str, Any], asked: Mapping[str, Any], ctx: StepContext) -> int:
        return company_steps.history(open_room(ctx), company, asked)

    def conclude(
        filings: list[Values | StepFailed],
        discovered: list[Values],
        company: Mapping[str, Any],
        asked: Mapping[str, Any],
        rows: int,
        ctx: StepContext,
    ) -> Values:
        room = open_room(ctx)
        return company_steps.conclude(room, filings, discovered, company, asked, rows, ctx.run)

    return Workflow(
        NAME,
        Step(resolve, retry=asking),
        Step(discover, after=("resolve", INPUT), retry=asking),
        Step(_of_one(open_room, extract_s, asking), each="discover", allow_failed=True),
        Step(history, after=("resolve", INPUT), retry=asking),
        Step(conclude, after=(CHILD, "discover", "resolve", INPUT, "history"), retry=STORING),
        version=version(),
    )


def _of_one(open_room: Open, extract_s: float | None, asking: Retry) -> Workflow:
    def download(filing: Mapping[str, Any], ctx: StepContext) -> Values:
        return filing_steps.download(open_room(ctx), filing)

    def extract(downloaded: Mapping[str, Any], ctx: StepContext) -> Values:
        return filing_steps.extract_facts(open_room(ctx), downloaded)

    def standardise(extracted: Mapping[str, Any], ctx: StepContext) -> Values:
        return filing_steps.standardise_facts(open_room(ctx), extracted)

    def store(standardised: Mapping[str, Any], ctx: StepContext) -> Values:
        return filing_steps.store(open_room(ctx), standardised)

    return Workflow(
        CHILD,
        Step(download, retry=asking),
        Step(extract, retry=COMPUTING, timeout_s=extract_s),
        standardise,
        Step(store, retry=STORING),
        version=version(),
        priority=1,  # begun companies are finished before others are begun
    )


def declare_update(open_room: Open, filings: Workflow, *, asking: Retry = ASKING) -> Workflow:
    """What was filed since the last look: the days, then the companies that filed."""

    def days(asked: Mapping[str, Any], ctx: StepContext) -> list[str]:
        return update_steps.days(open_room(ctx), asked)

    def look(day: str, asked: Mapping[str, Any], ctx: StepContext) -> Values:
        return update_steps.look(open_room(ctx), day, asked)

    def choose(looked: list[Values], asked: Mapping[str, Any], ctx: StepContext) -> list[Values]:
        return update_steps.choose(open_room(ctx), looked, asked, f"{ctx.run}.{NAME}.")

    def finish(
        results: list[Values | StepFailed],
        chosen: list[Values],
        looked: list[Values],
        ctx: StepContext,
    ) -> Values:
        return update_steps.finish(open_room(ctx), results, chosen, looked)

    return Workflow(
        "filings-update",
        days,
        Step(look, each="days", after=(INPUT,), retry=asking),
        Step(choose, after=("look", INPUT)),
        Step(filings, each="choose", allow_failed=True),
        Step(finish, after=(NAME, "choose", "look")),
        version=version(),
    )


def declare_bulk(open_room: Open, *, piece_s: float | None = PIECE_S) -> Workflow:
    """A bulk file in pieces; `piece_s` is the longest that one may take, in its own process."""

    def pieces(asked: Mapping[str, Any]) -> list[Values]:
        return bulk_steps.pieces(asked)

    def piece(one: Mapping[str, Any], asked: Mapping[str, Any], ctx: StepContext) -> Values:
        return bulk_steps.piece(open_room(ctx), one, asked, ctx)

    def total(results: list[Values | StepFailed], cut: list[Values]) -> Values:
        return bulk_steps.total(results, cut)

    return Workflow(
        "filings-bulk",
        pieces,
        Step(
            piece,
            each="pieces",
            after=(INPUT,),
            allow_failed=True,
            retry=replace(STORING, on=(StoreError, TimeoutError), losses=COMPUTING.losses),
            timeout_s=piece_s,
        ),
        Step(total, after=("piece", "pieces")),
        version=version(),
    )


def version() -> str:
    """What a run must agree with: how steps are cut, the extractors, the table of metrics."""
    return f"{DECLARED}.{EXTRACTORS}.{standard().version}"
