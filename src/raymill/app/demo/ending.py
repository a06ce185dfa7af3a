"""The end of an orchestrator that a part of the demo had started."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from raymill.state.owner import alive
from raymill.state.sqlite import SqliteStore


def end_orchestrator(home: Path) -> None:
    """Let the orchestrator of a folder leave now, not when it has been idle."""
    store = SqliteStore(home)
    try:
        held = store.holder(time.time(), alive)
    finally:
        store.close()
    if held is not None:
        with suppress(ProcessLookupError):
            os.kill(int(held.owner.split("/")[2]), signal.SIGTERM)
