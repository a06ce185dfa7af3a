"""Processes for the local engine: Python record functions hold the interpreter, so more cores mean
more of them."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor

from raymill.engines.graph import Passage, Phases, open_tasks
from raymill.engines.run import Job
from raymill.engines.work import head, portable
from raymill.flow.source import Piece

_work: tuple[Job, Phases] | None = None


def heads(
    job: Job, workers: int
) -> tuple[ProcessPoolExecutor, Callable[[Piece], list[Passage]]] | None:
    """A pool that loads pieces and runs what comes before any state; None where a function cannot
    travel."""
    try:
        sent = pickle.dumps(portable(job))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _begin, (sent,)), _head


def kill(pool: Executor) -> None:
    """End the processes of a pool without waiting for what they have in hand."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.kill()


def _begin(sent: bytes) -> None:
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the run decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    job: Job = pickle.loads(sent)
    open_tasks(job.plan)
    _work = (job, Phases(job.plan))


def _end_with_parent() -> None:
    """A killed run leaves no process behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _head(piece: Piece) -> list[Passage]:
    assert _work is not None
    return head(*_work, piece)
