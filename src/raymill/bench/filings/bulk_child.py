"""A bulk file stored by an orchestrator in a process of its own; answers with a JSON line."""

import resource
import sys
import time
from pathlib import Path
from typing import Any

from raymill import json
from raymill.config.process import settle

settle()  # as the command line does, before Arrow is loaded

from raymill.app.filings import BULK  # noqa: E402
from raymill.app.workbench import Workbench  # noqa: E402
from raymill.bench.filings.bulk import bulk_file  # noqa: E402
from raymill.config.paths import home  # noqa: E402
from raymill.flow.places import workflow_at  # noqa: E402
from raymill.orchestrator.turn import Pace  # noqa: E402
from raymill.state.store import RunRow  # noqa: E402

PLACE = "raymill.app.filings:BULK"
WORKERS = 2
FEW = 4  # companies of the run that starts the processes


def main(path: str) -> None:
    """Store the companies of a file, after a few of another one, which starts all processes."""
    few = bulk_file(home() / "few.zip", FEW, first=1)
    times: list[float] = []

    def ended(row: RunRow) -> None:
        times.append(time.perf_counter())
        if len(times) == 1:
            start(path)

    pace = Pace(idle_s=0.5)
    bench = Workbench(home(), BULK, workers=WORKERS, find=workflow_at, pace=pace, ended=ended)

    def start(file: Any) -> str:
        return bench.start(BULK, {"file": str(file)}, place=PLACE)[0]

    first = start(few)
    bench.run()
    (run,) = (row.id for row in bench.store.runs(workflow=BULK.name) if row.id != first)
    done = bench.output(run)
    bench.close()
    told = {"companies": done["companies"], "facts": done["facts"]}
    told |= {"seconds": times[1] - times[0], "peak_mb": peak_mb()}
    sys.stdout.write(json.dumps(told).decode() + "\n")


def peak_mb() -> float:
    """The most memory of this process, and of as many workers as the largest of them had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + WORKERS * largest) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
