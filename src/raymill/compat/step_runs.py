"""Single steps of tickers, each a run of its own: submitted, awaited, counted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from raymill.app.runs import Run
from raymill.app.workflows import Workflows
from raymill.compat.state_manager import in_error
from raymill.compat.ticker_steps import (
    PLACE,
    STEP,
    STEPS,
    DownloadSecFilingStep,
    ExtractFactsStep,
    MoveToProcessingStep,
    ResetErrorStep,
    SaveParquetStep,
)
from raymill.compat.work import Work
from raymill.errors import unknown
from raymill.filings.status import ProcessingState

AnyStep: TypeAlias = (
    MoveToProcessingStep
    | DownloadSecFilingStep
    | ExtractFactsStep
    | SaveParquetStep
    | ResetErrorStep
)
_PATHS = ("original_file_path", "processing_file_path", "sec_filing_path", "parquet_output_path")
PAGE = 500


class StepRuns:
    """The runs of somebody who asks for single steps.

    by: who asks; began: since when is counted, which whoever takes over hands on.
    """

    def __init__(self, by: str, began: float, *, workers: int, engine: str) -> None:
        self._by, self._began, self._engine, self._workers = by, began, engine, workers
        self._workflows = Workflows(workers=workers)
        self._work = Work(self._workflows.store)
        self._open = {run.id for run in self._mine()}

    def _mine(self) -> Iterator[Run]:
        """The runs that were submitted before this took over."""
        before = ""
        while page := self._workflows.ls(workflow=STEP.name, before=before, most=PAGE):
            for run in page:
                if datetime.fromisoformat(run.created).timestamp() < self._began - 1.0:
                    return
                if run.input["by"] == self._by:
                    yield run
            before = page[-1].id

    def submit(self, state: ProcessingState, step: AnyStep, key: str) -> str:
        """Have a step done; the same key is the same run. Gives its id."""
        if step.name not in STEPS:
            raise unknown("step", step.name, STEPS)
        given = [str(Path(value).absolute()) for value in astuple(step)]
        asked = {"state": _anywhere(state).to_dict(), "step": step.name, "given": given}
        named = f"{self._by}\0{key}"
        value = asked | {"by": self._by}
        run = self._workflows.submit(PLACE, value, key=named, engine=self._engine)
        self._open.add(run)
        return run

    def ended(self, run: str, state: ProcessingState) -> ProcessingState | None:
        """The state after a step, in error if it failed; None while it goes on."""
        now = self._workflows.run(run)
        if not now.is_over:
            self._workflows.keep_going()
            return None
        self._close(run)
        if now.status == "completed":
            return ProcessingState.from_dict(now.output)
        error = now.error or {}
        return in_error(state, error.get("message") or f"The run of this step was {now.status}")

    def _close(self, run: str) -> None:
        self._work.count(run, is_over=True)
        self._open.discard(run)

    def workers(self) -> list[dict[str, Any]]:
        """What each worker did of it."""
        self._count_open()
        return self._work.workers(self._workers)

    def totals(self) -> Counter[str]:
        """`done` and `failed`, of all workers."""
        self._count_open()
        return self._work.totals()

    def _count_open(self) -> None:
        for run in list(self._open):
            row = self._workflows.store.run(run)
            self._work.count(run, is_over=row is not None and row.ended is not None)

    def close(self) -> None:
        """Let go of the store; runs go on."""
        self._workflows.close()


def _anywhere(state: ProcessingState) -> ProcessingState:
    """A state whose paths hold in any folder."""
    paths = {name: getattr(state, name) for name in _PATHS}
    whole: dict[str, Any] = {
        name: str(Path(path).absolute()) for name, path in paths.items() if path
    }
    return replace(state, **whole)
