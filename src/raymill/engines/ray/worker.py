"""The actor of one worker."""

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from raymill.engines.member import Member
from raymill.engines.work import interpreter
from raymill.errors import EngineError
from raymill.flow.source import Piece


class RayWorker:
    """The actor of one worker."""

    def __init__(self) -> None:
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)

    def join(self, job: bytes, number: int, workers: int, driver: str) -> None:
        """Learn what there is to do."""
        if interpreter() != driver:
            raise EngineError(
                f"A worker runs {interpreter()}, the driver {driver}",
                hint="use one environment on all nodes: the bytes agree for one version only",
            )
        self.member = Member(pickle.loads(job), number, workers)

    def ping(self) -> bool:
        """Answer."""
        return True

    def restart(self, tables: Mapping[str, Any] | None, joined: None) -> bool:
        """Go back to a snapshot."""
        return self.member.restart(tables)

    def load(self, step: int, pieces: Sequence[Piece]) -> Any:
        """Read and run up to the first state."""
        return self._several(self.member.load(step, pieces))

    def own(self, step: int, stage: int, *parts: Any) -> Any:
        """Answer for the keys of this worker."""
        return self._several(self.member.own(step, stage, parts))

    def proceed(self, step: int, stage: int, *answers: Any) -> Any:
        """Take the answers and go on."""
        return self._several(self.member.proceed(step, stage, answers))

    def snapshot(self) -> Mapping[str, pa.RecordBatch]:
        """The state of this worker's keys."""
        return self.member.snapshot()

    def _several(self, values: Any) -> Any:
        """A list of one is one return value where one worker works alone."""
        whole = (
            self.member.workers == 1
            and values
            and (values[0] is None or isinstance(values[0], list))
        )
        return values[0] if whole else values
