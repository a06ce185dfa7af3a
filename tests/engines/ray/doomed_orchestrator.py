"""An orchestrator that is killed: `python -m tests.engines.ray.doomed_orchestrator FOLDER ADDRESS`
runs the workflow `hold` with its steps on Ray."""

import sys
from pathlib import Path

from tests.engines.ray.doings import PLACE

from raymill.app.workbench import Workbench
from raymill.engines.ray.pool import RayPool
from raymill.flow.places import workflow_at

if __name__ == "__main__":
    folder, address = Path(sys.argv[1]), sys.argv[2]
    pool = RayPool(folder / "artifacts", workers_min=1, workers_max=1, address=address)
    bench = Workbench(folder, pool=pool, find=workflow_at)
    bench.start(workflow_at(f"{PLACE}HOLD"), str(folder), place=f"{PLACE}HOLD")
    bench.run()
