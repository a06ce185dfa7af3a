"""Work in a process of its own, which may be killed at one of its fault points."""

import os
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from raymill import faults


def forked(work: Callable[[], Any]) -> int:
    """Do work in a process of its own. Gives its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside other threads
        child = os.fork()
    if child == 0:
        with suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    return child


def ended(child: int) -> bool:
    """Wait for a process. Whether it came to its end by itself."""
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        return True
    return False


def is_killed_at(number: int, work: Callable[[], Any]) -> bool:
    """Do work and be killed at its fault point of this number; False if it has fewer."""

    def doomed() -> None:
        passed = [0]

        def die(name: str) -> None:
            passed[0] += 1
            if passed[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)

        faults.disarm()
        faults.watch(die)
        work()

    return not ended(forked(doomed))
