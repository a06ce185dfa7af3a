"""Rows of the Ray engine, two workers against the local engine with one, and of a lost worker.

Counted from the first batch to the last: neither cluster nor workers start within the time.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.readings import write_stream
from raymill.connectors.nowhere import NowhereSink
from raymill.engines.graph import open_tasks
from raymill.engines.job import Run, make_job, run_job
from raymill.engines.local import LocalRunner
from raymill.engines.ray.cluster import connected
from raymill.engines.ray.engine import Crew, RayEngine
from raymill.engines.recorder import Recorder
from raymill.flow import task
from raymill.flow.pipeline import Stream, read
from raymill.flow.source import Block, Piece, Source

LINES = 2_000_000
FEW = 500_000
WORKERS = 2
BEFORE = 8  # pieces before a worker is lost
ROUNDS = 40  # of a record function that takes about two microseconds


@task
def settled(temperature: float) -> float:
    """Take some time over each record, as Python code that does something does."""
    value = temperature
    for _ in range(ROUNDS):
        value = value * 0.5 + 1.0
    return value


class Timed:
    """A source that notes when its first piece is asked for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.names = source.names
        self.begun = 0.0

    def schema(self) -> pa.Schema:
        """The columns."""
        return self.source.schema()

    def select(self, columns: frozenset[str] | None) -> Source:
        """Take these columns."""
        return type(self)(self.source.select(columns))

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """Note the time, then give the pieces."""
        self.begun = self.begun or time.perf_counter()
        yield from self.source.pieces(first)

    def read(self, piece: Piece) -> Iterator[Block]:
        """Load a piece."""
        return self.source.read(piece)

    def identity(self) -> Mapping[str, Any]:
        """What the source is."""
        return self.source.identity()

    def size_bytes(self) -> int | None:
        """The size of the input."""
        return self.source.size_bytes()


class Last(NowhereSink):
    """Notes when the last batch came."""

    ended = 0.0

    def write(self, encoded: int) -> None:
        """Note the time."""
        self.ended = time.perf_counter()
        super().write(encoded)


def cases() -> Iterator[Case]:
    """Each of three kinds of work on both engines; overhead; recovery."""
    for name, text, lines, then in (
        ("parse", "SenML-CSV of CITY parsed, stateless", LINES, _parsed),
        ("record", "a Python record function of about 2 us, on SenML-CSV", FEW, _recorded),
        ("keyed", "SenML-CSV of CITY parsed, kalman_filter by `source`", LINES, _keyed),
    ):
        yield Case(
            f"streams.ray_{name}",
            f"{text}; Ray, two workers, from the first batch to the last",
            partial(_on_ray, lines=lines, then=then),
            against=f"streams.ray_{name}.local",
            needs="ray",
        )
        yield Case(
            f"streams.ray_{name}.local",
            f"{text}; the local engine, one worker, from the first batch to the last",
            partial(_locally, lines=lines, then=then),
        )
    yield Case(
        "streams.ray_overhead",
        "what a record takes longer on Ray with one worker than on the local engine; no task",
        _overhead,
        unit="us",
        needs="ray",
    )
    yield Case(
        "streams.ray_recovery",
        "from a worker's SIGKILL until all workers have the state of the last checkpoint",
        _recovery,
        unit="s",
        warm=False,
        needs="ray",
    )


def _parsed(stream: Stream) -> Stream:
    return stream


def _recorded(stream: Stream) -> Stream:
    return stream.select("temperature").then(settled, field="temperature")


def _keyed(stream: Stream) -> Stream:
    return stream.then("kalman_filter", field="temperature", key="source")


Then = Callable[[Stream], Stream]


def between(setup: Setup, lines: int, then: Then, workers: int, idle: list[Any] | None) -> Work:
    """The speed of a run from its first batch to its last: on Ray with actors that are left from
    the run before, or on the local engine.
    """
    path = write_stream(setup, "city", setup.count(lines))

    def work() -> Sample:
        sink = Last()
        pipeline = then(read(str(path))).write(sink)
        job = make_job(Run(pipeline, workers=workers, on_error="stop", wrap=Timed))
        runner = LocalRunner() if idle is None else RayEngine(idle)
        records = run_job(runner, job).records_in
        source: Any = job.source
        return Sample(records / (sink.ended - source.begun) / 1e6, records)

    return work


def _locally(setup: Setup, lines: int, then: Then) -> Work:
    return between(setup, lines, then, 1, None)


def _on_ray(setup: Setup, lines: int, then: Then, workers: int = WORKERS) -> Work:
    cluster(setup)
    return between(setup, lines, then, workers, setup.once("actors", list))


def cluster(setup: Setup) -> Any:
    """One isolated cluster for all rows."""
    return setup.once("ray", lambda: setup.lasting.enter_context(connected("local")))


def _overhead(setup: Setup) -> Work:
    works = _on_ray(setup, LINES, _parsed, workers=1), _locally(setup, LINES, _parsed)

    def work() -> Sample:
        far, near = (one() for one in works)
        return Sample(1 / far.value - 1 / near.value, far.records)

    return work


class Watched(Crew):
    """A crew that loses its last worker in the middle, and notes when all are back."""

    killed = back = 0.0

    def lose_one(self) -> None:
        """Kill the last worker."""
        call = self.actors[-1].__ray_call__
        number = self.ray.get(call.remote(_number_of_process))
        self.killed = time.perf_counter()
        os.kill(number, signal.SIGKILL)

    def _recover(self) -> None:
        super()._recover()
        self.back = time.perf_counter()


def _number_of_process(worker: Any) -> int:
    return os.getpid()


class Losing(Timed):
    """A source on whose way a worker is lost."""

    def __init__(self, source: Source, lose: Callable[[], None] | None = None) -> None:
        super().__init__(source)
        self.lose = lose

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "lose": None}

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """Lose the worker once, behind the first pieces."""
        for count, piece in enumerate(super().pieces(first)):
            if count == BEFORE:
                self._lose()
            yield piece
        self._lose()

    def _lose(self) -> None:
        lose, self.lose = self.lose, None
        if lose is not None:
            lose()


def _recovery(setup: Setup) -> Work:
    ray = cluster(setup)
    idle: list[Any] = setup.once("actors", list)
    for actor in idle:
        ray.kill(actor)
    idle.clear()
    path = write_stream(setup, "city", setup.count(FEW))

    def work() -> Sample:
        pipeline = _keyed(read(str(path))).write(Last())
        wanted = Run(pipeline, workers=WORKERS, on_error="stop", wrap=Losing, checkpoint_s=0.0)
        job = make_job(wanted)
        open_tasks(job.plan)
        recorder = Recorder(job, "ray")
        first = recorder.open()
        crew = Watched(ray, job, recorder, [])
        source: Any = job.source
        source.lose = crew.lose_one
        try:
            crew.run(first, threading.Event())
        finally:
            crew.dismiss()
        return Sample(crew.back - crew.killed, recorder.metrics.total.records_in)

    return work
