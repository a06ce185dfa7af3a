"""What any worker does with a piece: thread, process or actor."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from raymill.engines.graph import Passage, Phases, enter, stateless
from raymill.engines.run import Job
from raymill.flow.plan import Bound
from raymill.flow.source import Block, Piece


def through(
    passage: Passage, nodes: Iterable[Bound], run: Callable[[Passage, Bound], None]
) -> None:
    """Send a block through some nodes, and count the time it takes."""
    begun = time.perf_counter()
    for node in nodes:
        run(passage, node)
    passage.busy_s += time.perf_counter() - begun


def begin(
    job: Job, phases: Phases, piece: Piece, number: int, block: Block, begun: float
) -> Passage:
    """Run what comes before any state."""
    passage = enter(job.plan, piece, number, block)
    passage.started = begun
    passage.busy_s = time.monotonic() - begun
    through(passage, phases.head, stateless)
    passage.lighten(phases.needed([*phases.body, *phases.tail]))
    return passage


def head(job: Job, phases: Phases, piece: Piece) -> list[Passage]:
    """Load a piece and run what comes before any state."""
    passages = []
    begun = time.monotonic()
    for number, block in enumerate(job.source.read(piece)):
        passages.append(begin(job, phases, piece, number, block, begun))
        begun = time.monotonic()
    return passages


def interpreter() -> str:
    """What must be the same in all processes of a run, and over a resume, for the bytes to
    agree."""
    import sys

    import numpy as np

    return f"Python {sys.version_info.major}.{sys.version_info.minor}, numpy {np.__version__}"


def portable(job: Job) -> Job:
    """A job as other processes get it: without what only the driver has."""
    return replace(job, letters=None, options=replace(job.options, progress=None))
