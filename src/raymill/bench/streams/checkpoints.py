"""Rows of keeping state: a checkpoint of many keys, and going back to it."""

from collections.abc import Iterator

from raymill.bench.case import Case, Setup, Work, seconds
from raymill.bench.readings import KEYS, batches
from raymill.bench.streams.operator import planned, through
from raymill.engines.graph import Keeper
from raymill.engines.snapshot import restore, snapshot
from raymill.flow.pipeline import Stream
from raymill.flow.plan import Plan
from raymill.state import checkpoint
from raymill.state.checkpoint import Checkpoint

FILL = 20  # records for each key


def cases() -> Iterator[Case]:
    """Saving, then restoring."""
    text = "of kalman_filter with 10,000 keys"
    yield Case(
        "streams.checkpoint", f"a snapshot {text}, written and forced to the disk", _save, unit="ms"
    )
    yield Case("streams.restore", f"state {text}, read and put in its place", _load, unit="ms")


def _filled(setup: Setup) -> tuple[Plan, Keeper]:
    found = batches(setup, "temperature", count=setup.count(KEYS * FILL))
    made = planned(found, _filter)
    keeper = Keeper(made)
    for _ in through(made, found, keeper):
        pass
    return made, keeper


def _filter(stream: Stream) -> Stream:
    return stream.then("kalman_filter", field="temperature", key="source")


def _count(keeper: Keeper) -> int:
    return sum(map(len, keeper.keys.values()))


def _save(setup: Setup) -> Work:
    _, keeper = _filled(setup)
    folder = setup.folder / "checkpoint"

    def work() -> int:
        checkpoint.save(folder, Checkpoint({"piece": 0}, snapshot(keeper)))
        return _count(keeper)

    return seconds(work, 1e3)


def _load(setup: Setup) -> Work:
    made, keeper = _filled(setup)
    folder = setup.folder / "checkpoint"
    checkpoint.save(folder, Checkpoint({"piece": 0}, snapshot(keeper)))

    def work() -> int:
        found = checkpoint.load(folder)
        assert found is not None
        again = Keeper(made)
        restore(again, found.tables)
        return _count(again)

    return seconds(work, 1e3)
