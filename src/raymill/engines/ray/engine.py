"""The Ray engine: actors own key groups, the driver plans ranges and writes, batches travel by
reference."""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from raymill import faults
from raymill.engines import ending
from raymill.engines.graph import Keeper, Phases, open_tasks
from raymill.engines.ray.cluster import connected
from raymill.engines.ray.flow import LAG, Flow, chunks
from raymill.engines.ray.worker import RayWorker
from raymill.engines.recorder import Recorder
from raymill.engines.run import Job, Report
from raymill.engines.snapshot import merged, restore
from raymill.engines.work import interpreter, portable
from raymill.errors import EngineError, EngineUnavailable, Interrupted
from raymill.flow.source import Piece

STEP_BYTES = 32 * 2**20  # of input that one worker takes in one step
BACKLOG_BYTES = 256 * 2**20  # of input carried by pieces, since the last checkpoint
IN_FLIGHT = 3  # steps
MOST_DEATHS = 20  # without a step in between


class RayEngine:
    """Runs a job on Ray actors.

    idle: actors of an earlier run; they are taken first, and left there when the run is done.
    """

    name = "ray"

    def __init__(self, idle: list[Any] | None = None) -> None:
        self._cancelled = threading.Event()
        self._idle = idle

    def cancel(self) -> None:
        """Stop at the next step."""
        self._cancelled.set()

    def run(self, job: Job) -> Report:
        """Run a job to its end."""
        open_tasks(job.plan)
        recorder = Recorder(job, self.name)
        first = recorder.open()
        try:
            with connected(job.options.extra.get("address")) as ray:
                crew = Crew(ray, job, recorder, self._idle or [])
                try:
                    crew.run(first, self._cancelled)
                    keeper = crew.gathered()
                    if self._idle is not None:
                        self._idle += crew.spare()
                finally:
                    crew.dismiss()
            ending.finish(job, recorder, keeper)
            report = recorder.close(keeper.unfinished())
            report.recoveries = crew.recoveries
            return report
        except BaseException:
            recorder.abandon()
            raise


class Crew:
    """The actors of one run, and the driver's side of the steps."""

    def __init__(self, ray: Any, job: Job, recorder: Recorder, idle: list[Any]) -> None:
        self.ray = ray
        self.idle = idle
        self.joined: dict[int, Any] = {}  # what says that an actor knows the job
        self.job = job
        self.recorder = recorder
        self.count = job.options.workers
        self.recoveries = 0
        self.stages = sum(node.place != "anywhere" for node in Phases(job.plan).body)
        self.sent = ray.put(_by_value(ray, portable(job)))
        self.actors: list[Any] = []
        self.saved: Mapping[str, pa.Table | pa.RecordBatch] | None = None
        if recorder.resumed is not None:
            self.saved = recorder.resumed.tables

    def _actor(self, number: int) -> Any:
        """A worker that is idle, or a new one, told of the job."""
        while self.idle:
            actor = self.idle.pop()
            if self._alive(actor):
                break
        else:
            actor = self._new()
        self.joined[number] = actor.join.remote(self.sent, number, self.count, interpreter())
        return actor

    def _new(self) -> Any:
        remote = self.ray.remote(RayWorker)
        cores = float(self.ray.cluster_resources().get("CPU", 1.0))
        share = min(1.0, cores / self.count)
        chosen = remote.options(num_cpus=share, max_restarts=0, max_task_retries=0)
        return chosen.remote()

    def run(self, first: int, cancelled: threading.Event) -> None:
        """Run every step, going back to the last checkpoint when a worker dies."""
        self.done = first  # the piece behind what was taken
        self.incoming = self.job.source.pieces(first)
        self.backlog: list[Piece] = []  # since the last checkpoint, to go back to
        deaths = 0
        self._gather_crew()
        while True:
            before = self.done
            try:
                self._steps(cancelled)
                return
            except self.ray.exceptions.RayError as error:
                if not self._is_death(error):
                    raise getattr(error, "cause", error) from error
                deaths = 0 if self.done > before else deaths + 1
                if deaths > MOST_DEATHS:
                    raise EngineError(
                        f"Workers died {deaths} times on end: {str(error).splitlines()[0]}",
                        hint="look at memory: `raymill doctor`, or use fewer workers",
                    ) from error
                self._recover()

    def _is_death(self, error: Any) -> bool:
        """Whether a worker died, or a call failed because what it needed died with one."""
        deaths = (self.ray.exceptions.RayActorError, self.ray.exceptions.ObjectLostError)
        return isinstance(error, deaths) or isinstance(getattr(error, "cause", None), deaths)

    def _gather_crew(self) -> None:
        self.actors = [self._actor(number) for number in range(self.count)]
        try:
            self._restart_all()
        except self.ray.exceptions.GetTimeoutError as error:
            raise EngineUnavailable(
                f"The cluster gave no room for {self.count} workers",
                hint="use fewer --workers, or add nodes",
            ) from error

    def _restart_all(self) -> None:
        tables = self.ray.put(self.saved) if self.saved is not None else None
        ready = [
            actor.restart.remote(tables, self.joined[number])
            for number, actor in enumerate(self.actors)
        ]
        self.ray.get(ready, timeout=120)

    def _recover(self) -> None:
        """Replace the dead, take all workers back to the last checkpoint."""
        self.recoveries += 1
        while True:
            for number, actor in enumerate(self.actors):
                if not self._alive(actor):
                    self.ray.kill(actor)  # it may only be stuck
                    self.actors[number] = self._actor(number)
            try:
                self._restart_all()
                return
            except self.ray.exceptions.RayActorError:
                continue

    def _alive(self, actor: Any) -> bool:
        try:
            self.ray.get(actor.ping.remote(), timeout=60)
        except (self.ray.exceptions.RayActorError, self.ray.exceptions.GetTimeoutError):
            return False
        return True

    def _steps(self, cancelled: threading.Event) -> None:
        """Send steps, a few at a time; take what settles, in order; keep a checkpoint now and
        then."""
        flow = Flow(self)
        self.kept_at = time.monotonic()
        following = self.done
        for chunk in chunks(self._pieces(), self.count, self._step_bytes()):
            flow.send(chunk)
            following = max(piece.number for pieces in chunk for piece in pieces) + 1
            while flow.in_flight > IN_FLIGHT + self.stages * LAG:
                flow.take()
            stop = cancelled.is_set()
            if stop or (following >= self.done and self._due()):
                flow.drain()
                self._save(following)
            faults.point("ray.step")
            if stop:
                raise self._interrupted()
        flow.drain()
        self._save(following)

    def _pieces(self) -> Iterator[Piece]:
        """The pieces behind the last checkpoint; a source is asked for each of them once."""
        yield from list(self.backlog)
        for piece in self.incoming:
            self.backlog.append(piece)
            yield piece

    def _due(self) -> bool:
        """Whether it is time to keep all state: for the user, or for going back to."""
        late = time.monotonic() - self.kept_at >= self.job.options.checkpoint_s
        carried = sum(piece.size_bytes for piece in self.backlog if piece.data is not None)
        return late or self.recorder.due() or carried > BACKLOG_BYTES

    def _step_bytes(self) -> int:
        """What one worker takes in a step: so much that calls are few, so little that all have
        work."""
        total = self.job.source.size_bytes() or 0
        return max(1, min(STEP_BYTES, total // (8 * self.count) or STEP_BYTES))

    def _interrupted(self) -> Interrupted:
        kept = bool(self.job.options.checkpoint)
        hint = (
            "go on with the same command and --resume"
            if kept
            else "--checkpoint DIR would let it go on later"
        )
        return Interrupted("Interrupted", hint=hint)

    def _save(self, following: int) -> None:
        """Keep all workers' state, so that the run can go on from here; on disk where the user
        asked for it."""
        parts = self.ray.get([actor.snapshot.remote() for actor in self.actors])
        tables = merged(parts, self.job.plan)
        is_new = following >= self.done  # behind a loss, steps are gone again that are written
        if self.job.options.checkpoint and is_new:
            self.recorder.commit(following, tables)
        self.saved = tables
        self.backlog = [piece for piece in self.backlog if piece.number >= following]
        self.kept_at = time.monotonic()

    def gathered(self) -> Keeper:
        """All state in one place, for the end of input."""
        keeper = Keeper(self.job.plan, self.job.options.key_groups)
        if self.saved is not None:
            tables = {n: t for n, t in self.saved.items() if not n.startswith("sink:")}
            restore(keeper, tables)
        return keeper

    def spare(self) -> list[Any]:
        """Give the actors away, to whoever has more work for them."""
        given, self.actors = self.actors, []
        return given

    def dismiss(self) -> None:
        """Let the actors go."""
        for actor in self.actors:
            self.ray.kill(actor)


def _by_value(ray: Any, job: Job) -> bytes:
    """Pickle a job; functions of a REPL or a script travel with it."""
    import ray.cloudpickle as cloudpickle

    return cloudpickle.dumps(job)  # type: ignore[no-any-return]
