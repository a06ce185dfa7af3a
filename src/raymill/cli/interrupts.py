"""Ctrl-C: once, a run with a checkpoint commits and stops; twice, it ends at once."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from raymill.cli.failures import report
from raymill.errors import Interrupted

if TYPE_CHECKING:
    from raymill.app.streams import Started

STOPPING = "stopping at the next checkpoint; press Ctrl-C again to end at once\n"
WITH = "the same command with --resume goes on from the last checkpoint"
WITHOUT = "--checkpoint DIR lets such a run be resumed"


@contextmanager
def interruptible(started: "Started") -> Iterator[None]:
    """Let Ctrl-C stop a run. Raises Interrupted that says how to go on."""
    resumable = bool(started.job.options.checkpoint)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, _end)
        if not resumable:
            _end(number, frame)
        sys.stderr.write(STOPPING)
        started.cancel()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("Interrupted", hint=WITH if resumable else WITHOUT) from None
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def stoppable(told: str) -> Iterator[threading.Event]:
    """Have Ctrl-C set an event and tell of it; the second one ends at once."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, _end)
        sys.stderr.write(told)
        stopped.set()

    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def leave(error: Interrupted) -> None:
    """End this process at once where others still work for it: nobody waits for what they have."""
    import multiprocessing

    children = multiprocessing.active_children()
    if children:
        report(error.message, error.hint, error.exit_code)
        for child in children:
            child.kill()
        os._exit(error.exit_code)
