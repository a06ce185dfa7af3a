"""Several workers in one process: the exchange of the engines that have several, without their
transport."""

from typing import Any

from raymill.engines import ending
from raymill.engines.graph import Keeper, open_tasks
from raymill.engines.member import Member
from raymill.engines.recorder import Recorder
from raymill.engines.run import Job, Report
from raymill.engines.snapshot import merged, restore
from raymill.flow.source import Piece


class CrewRunner:
    """Runs a job on `workers` members, one after the other: the same parts, the same order, no
    cluster.

    With `moves`, all state is saved after each step and restored into a crew of the next size.
    """

    name = "crew"

    def __init__(self, moves: tuple[int, ...] = ()) -> None:
        self.moves = moves

    def cancel(self) -> None:
        """Nothing to stop."""

    def run(self, job: Job) -> Report:
        """Run a job to its end."""
        open_tasks(job.plan)
        recorder = Recorder(job, self.name)
        first = recorder.open()
        try:
            keeper = self._run(job, recorder, first)
            ending.finish(job, recorder, keeper)
            return recorder.close(keeper.unfinished())
        except BaseException:
            recorder.abandon()
            raise

    def _run(self, job: Job, recorder: Recorder, first: int) -> Keeper:
        members = _members(job, job.options.workers)
        pieces = list(job.source.pieces(first))
        step = 0
        while pieces:
            count = len(members)
            chunk, pieces = pieces[:count], pieces[count:]
            for block in _step(members, step, [[piece] for piece in chunk]):
                recorder.take(block)
            step += 1
            if self.moves:
                saved = merged([m.snapshot() for m in members], job.plan)
                members = _members(job, self.moves[step % len(self.moves)])
                for member in members:
                    member.restart(saved)
        keeper = Keeper(job.plan, job.options.key_groups)
        restore(keeper, merged([m.snapshot() for m in members], job.plan))
        return keeper


def _members(job: Job, count: int) -> list[Member]:
    return [Member(job, number, count) for number in range(count)]


def _step(members: list[Member], step: int, chunk: list[list[Piece]]) -> list[Any]:
    chunk = chunk + [[] for _ in range(len(members) - len(chunk))]
    given = [m.load(step, pieces) for m, pieces in zip(members, chunk, strict=True)]
    for stage in range(len(members[0].stateful)):
        own = [m.own(step, stage, [parts[m.number] for parts in given]) for m in members]
        given = [m.proceed(step, stage, [found[m.number] for found in own]) for m in members]
    return [block for settled in given for block in settled]
