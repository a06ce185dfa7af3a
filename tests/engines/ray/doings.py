"""Steps that leave marks, so that a test sees where they are and can do something to them."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raymill import config
from raymill.flow.pool import StepContext
from raymill.flow.workflow import Resources, Retry, Step, Workflow

PLACE = f"{__file__}:"
SOON = Retry(attempts=3, first_s=0.01, most_s=0.01)
MEGA = 2**20
STEP_BYTES = 100 * MEGA
MOST_BYTES = 9000 * MEGA  # a machine that lets this pass has no limit


LIMIT_S = 60.0


def until(holds: Callable[[], Any], what: str) -> Any:
    """Wait for something, with a limit."""
    ends = time.monotonic() + LIMIT_S
    while not (found := holds()):
        assert time.monotonic() < ends, f"waited in vain until {what}"
        time.sleep(0.02)
    return found


def mark(folder: str, what: str) -> None:
    """Say in a file what is done here, by whom."""
    with (Path(folder) / "marks").open("a") as file:
        file.write(f"{what} {os.getpid()}\n")


def marks(folder: Path) -> list[tuple[str, int]]:
    """What was said, in order."""
    file = folder / "marks"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(line.split()[0], int(line.split()[1])) for line in lines]


def hold(folder: str, ctx: StepContext) -> int:
    """The first attempt goes on until a file `go` is there; later ones end at once."""
    mark(folder, f"begun-{ctx.attempt}")
    while ctx.attempt == 1 and not (Path(folder) / "go").exists():
        time.sleep(0.02)
    mark(folder, f"ended-{ctx.attempt}")
    return ctx.attempt


def note(folder: str, ctx: StepContext) -> str:
    """Say which step this is."""
    mark(folder, ctx.idempotency_key)
    return folder


def meet(folder: str) -> int:
    """Wait for two others, then say what a setting is."""
    mark(folder, "met")
    until(lambda: len(marks(Path(folder))) == 3, "three are here")
    return config.settings().streams.key_groups


def quick(value: Any) -> Any:
    """Hand a value on."""
    return value


def own_cpus(_: Any) -> float:
    """The CPUs that this worker was given."""
    import ray

    return float(ray.get_runtime_context().get_assigned_resources()["CPU"])


def gorge(folder: str) -> int:
    """Take memory until somebody puts an end to it."""
    mark(folder, "begun")
    taken: list[bytearray] = []
    while len(taken) * STEP_BYTES < MOST_BYTES:
        taken.append(bytearray(b"\1" * STEP_BYTES))
        time.sleep(0.02)
    return len(taken)


HOLD = Workflow("hold", Step(hold, retry=SOON))
GORGE = Workflow("gorge", Step(gorge, retry=SOON))
NOTE = Workflow("note", *(Step(note, name=f"note_{number}") for number in range(3)))
MEET = Workflow("meet", meet)
QUICK = Workflow("quick", quick)
NEEDY = Workflow(
    "needy",
    Step(own_cpus, resources=Resources(cpus=1.5)),
    Step(quick, name="on_many_cpus", resources=Resources(cpus=10_000)),
)
