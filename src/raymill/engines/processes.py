"""Processes for the local engine: Python record functions hold the interpreter, so more cores mean
more of them."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import resource_tracker

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
    pool = ProcessPoolExecutor(workers, context, _begin, (sent,))
    # Ctrl-C reaches every process of a terminal, and what the run does about it is for this one to
    # say. The others start with the first calls, and inherit the mask.
    resource_tracker.ensure_running()  # it would lift the mask when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        for _ in range(workers):
            pool.submit(os.getpid)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pool, _head


def _begin(sent: bytes) -> None:
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
