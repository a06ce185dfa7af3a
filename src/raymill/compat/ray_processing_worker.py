"""`RayProcessingWorker` and `RayProcessingPool`: single steps of tickers, through actors.

A step is a run in the store: the workers of raymill do it, whichever is free; one that is lost is
replaced, and the step done by another.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from raymill.compat.actors import LASTS, Place, engine_here, here, make
from raymill.compat.begun import Begun
from raymill.compat.step_runs import AnyStep, StepRuns
from raymill.compat.ticker_config import WORKERS, checked_count
from raymill.compat.ticker_steps import (
    DownloadSecFilingStep,
    ExtractFactsStep,
    MoveToProcessingStep,
    ResetErrorStep,
    SaveParquetStep,
    reset_error,
)
from raymill.engines.ray.cluster import import_ray
from raymill.filings.status import ProcessingState

__all__ = [
    "DownloadSecFilingStep",
    "ExtractFactsStep",
    "MoveToProcessingStep",
    "RayProcessingPool",
    "RayProcessingWorker",
    "ResetErrorStep",
    "SaveParquetStep",
]

FIRST_S, MOST_S = 0.02, 0.5  # between two looks at a step


class _Asks:
    """Asks for steps, as an actor."""

    def __init__(self, by: str, place: Place, began: float, workers: int, engine: str) -> None:
        place.move_in()
        self._begun = Begun(lambda: StepRuns(by, began, workers=workers, engine=engine))

    @property
    def _runs(self) -> StepRuns:
        return self._begun.get()

    async def answers(self) -> None:
        """Answer. Raises what the beginning raised."""
        self._begun.get()

    async def process_step(self, state: ProcessingState, step: AnyStep) -> ProcessingState:
        """Have a step done. Gives the state after it, in error if it failed."""
        if isinstance(step, ResetErrorStep):
            return reset_error(state)
        key = import_ray().get_runtime_context().get_task_id()  # the same when it is asked again
        run = await asyncio.to_thread(self._runs.submit, state, step, key)
        pause = FIRST_S
        while (after := await asyncio.to_thread(self._runs.ended, run, state)) is None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, MOST_S)
        return after

    async def shutdown(self) -> None:
        """Let go of the store. Steps that go on are done all the same."""
        await asyncio.to_thread(self._runs.close)


class RayProcessingPool(_Asks):
    """Has steps done by several workers: `RayProcessingPool.remote(pool_size=4)`.

    Every method is called with `.remote(...)`, which gives a reference for `ray.get`.
    """

    @classmethod
    def remote(cls, pool_size: int = WORKERS) -> Any:
        """Make the actor. Raises ConfigError, EngineUnavailable here, and not on first use."""
        return _made("processing pool", cls, "pool", checked_count(pool_size))

    async def get_pool_stats(self) -> list[dict[str, Any]]:
        """What each worker did: `worker_id`, `processed_count`, `error_count`, in steps."""
        return await asyncio.to_thread(self._runs.workers)


class RayProcessingWorker(_Asks):
    """Has the steps of tickers done: `RayProcessingWorker.remote("worker-0")`."""

    def __init__(self, by: str, place: Place, began: float, workers: int, engine: str) -> None:
        super().__init__(by, place, began, workers, engine)
        self._id = by

    @classmethod
    def remote(cls, worker_id: str) -> Any:
        """Make the actor. Raises ConfigError, EngineUnavailable here, and not on first use."""
        return _made(f"worker `{worker_id}`", cls, worker_id, WORKERS)

    async def move_to_processing_step(
        self, state: ProcessingState, processing_dir: str | Path
    ) -> ProcessingState:
        """Move the file that a ticker came in."""
        return await self.process_step(state, MoveToProcessingStep(processing_dir))

    async def download_sec_filing_step(
        self, state: ProcessingState, output_dir: str | Path
    ) -> ProcessingState:
        """Fetch the newest periodic report of a ticker."""
        return await self.process_step(state, DownloadSecFilingStep(output_dir))

    async def extract_facts_step(self, state: ProcessingState) -> ProcessingState:
        """Read the facts of the report that was fetched."""
        return await self.process_step(state, ExtractFactsStep())

    async def save_parquet_step(
        self, state: ProcessingState, output_dir: str | Path
    ) -> ProcessingState:
        """Write the facts of the report as Parquet."""
        return await self.process_step(state, SaveParquetStep(output_dir))

    async def reset_error_step(self, state: ProcessingState) -> ProcessingState:
        """Take a state in error back to where it had come to."""
        return reset_error(state)

    async def get_worker_stats(self) -> dict[str, Any]:
        """What was done of what this asked for: `processed_count`, `error_count`, in steps."""
        total = await asyncio.to_thread(self._runs.totals)
        counts = {"processed_count": total["done"], "error_count": total["failed"]}
        return {"worker_id": self._id, **counts}


def _made(what: str, kind: type, by: str, workers: int) -> Any:
    engine = engine_here()
    return make(what, kind, by, here(engine), time.time(), workers, engine, **LASTS)
