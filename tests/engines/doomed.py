"""A run that kills itself: `python -m tests.engines.doomed JSON` (see `Doom`)."""

import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.conformance.sums import Made
from tests.conformance.tasks import same

from raymill import faults
from raymill.app.streams import run

PLACES = (
    "local.piece",
    "ray.step",
    "output.write",
    "output.sync",
    "output.rename",
    "checkpoint.before-marks",
    "checkpoint.after-marks",
    "checkpoint.before-rename",
    "checkpoint.committed",
)


@dataclass(frozen=True)
class Doom:
    """What to run, and at which passage of any fault point to die; 0: never."""

    source: str
    folder: str
    unit: int
    engine: str = "local"
    workers: int = 1
    python: bool = False  # with a record function, so with processes
    resume: bool = False
    kill_at: int = 0
    places: tuple[str, ...] = PLACES
    address: str | None = None

    def command(self) -> list[str]:
        """The command that runs it."""
        return [sys.executable, "-m", "tests.engines.doomed", json.dumps(asdict(self))]

    @property
    def made(self) -> Made:
        """Where input and outputs lie."""
        return Made(Path(self.source), Path(self.folder), self.unit)

    def go(self) -> dict[str, Any]:
        """Run it to its end, one way or the other. Gives how many fault points were passed."""
        passed = 0

        def count() -> None:
            nonlocal passed
            passed += 1
            if passed == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        for place in self.places:
            faults.arm(place, count)
        report = run(
            self.made.pipeline(before=same if self.python else None),
            engine=self.engine,
            workers=self.workers,
            checkpoint_records=5000,
            extra={"address": self.address},
            **self.made.how(resume=self.resume),
        )
        return {"passed": passed, "resumed": report.resumed, "checkpoints": report.checkpoints}


if __name__ == "__main__":
    print(json.dumps(Doom(**json.loads(sys.argv[1])).go()))
