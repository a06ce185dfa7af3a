"""`raymill orchestrator`: runs workflows in the foreground."""

import os
import signal
import sys
from types import FrameType

from raymill.app.orchestrate import Service
from raymill.cli.failures import DONE, INTERRUPTED


def orchestrator(*, workers: int | None = None, idle: float | None = None) -> int:
    """Run the workflows of RAYMILL_HOME until interrupted.

    While another orchestrator runs them this one stands by, and takes over when that one falls
    silent. What is under way when it ends is begun again by the next one.

    Parameters
    ----------
    workers
        How many steps run at a time; a setting has the default.
    idle
        Leave after so many seconds without work, and at once if another orchestrator is there.
    """
    service = Service(workers=workers, idle_s=idle)
    received: list[int] = []

    def leave(number: int, frame: FrameType | None) -> None:
        received.append(number)
        service.stop()

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        service.run(_say)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if service.outdated:
        _say("starts anew with the changed code")
        os.execv(sys.executable, [sys.executable, "-m", "raymill", *sys.argv[1:]])
    return INTERRUPTED if signal.SIGINT in received else DONE


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
