"""A run in a process of its own that is killed for good, in the middle."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from raymill.errors import EngineError

COMMITTED = "checkpoint.committed"


def state(folder: Path) -> str:
    """Where the run keeps its checkpoint."""
    return str(folder / "checkpoint")


def kill_a_run(folder: Path) -> int:
    """Start the buoy's job in another process, kill it with SIGKILL behind its first checkpoint.

    Gives how many readings the checkpoint covers. Raises EngineError.
    """
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", __name__, str(folder)]
    victim = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    told = victim.stdout.readline()
    victim.kill()
    _, errors = victim.communicate()
    if told != f"{COMMITTED}\n":
        last = errors.strip().splitlines()[-1:] or ["it ended before"]
        raise EngineError(f"The run that was to be killed made no checkpoint: {last[0]}")
    return _covered(folder)


def _covered(folder: Path) -> int:
    from raymill.metrics import Metrics
    from raymill.state import checkpoint

    found = checkpoint.load(state(folder))
    assert found is not None
    return Metrics.from_dict(found.values["metrics"]).total.records_in


def main(arguments: Sequence[str]) -> None:
    """Run the job, and stand still behind the first checkpoint until somebody kills the process."""
    import signal

    from raymill import faults
    from raymill.app.demo.buoy import CHECKPOINT_RECORDS, run_into

    def stand_still() -> None:
        print(COMMITTED, flush=True)
        signal.pause()

    faults.arm(COMMITTED, stand_still)
    folder = Path(arguments[0])
    run_into(folder, checkpoint=state(folder), checkpoint_records=CHECKPOINT_RECORDS)


if __name__ == "__main__":
    main(sys.argv[1:])
