"""The Ray engine: actors own key groups, the driver plans ranges and writes, batches travel by
reference."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from raymill import faults
from raymill.engines import ending
from raymill.engines.graph import Keeper, Phases, open_tasks
from raymill.engines.member import Member
from raymill.engines.ray.cluster import connected
from raymill.engines.recorder import Recorder
from raymill.engines.run import Job, Report
from raymill.engines.snapshot import merged, restore
from raymill.engines.work import portable
from raymill.errors import EngineError, EngineUnavailable, Interrupted
from raymill.flow.source import Piece

STEP_BYTES = 32 * 2**20  # of input that one worker takes in one step
LEAST_PIECE = 256 * 2**10  # what a piece counts for at least
IN_FLIGHT = 3  # steps
LAG = 1  # steps between a question and its answer, so that nobody waits
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
                        self._idle[:] = crew.spare()
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
        self.joined[number] = actor.join.remote(self.sent, number, self.count)
        return actor

    def _new(self) -> Any:
        remote = self.ray.remote(RayWorker)
        cores = float(self.ray.cluster_resources().get("CPU", 1.0))
        share = min(1.0, cores / self.count)
        chosen = remote.options(num_cpus=share, max_restarts=0, max_task_retries=0)
        return chosen.remote()

    def run(self, first: int, cancelled: threading.Event) -> None:
        """Run every step, going back to the last checkpoint when a worker dies."""
        self.piece = self.done = first  # the last checkpoint's position; what was taken
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
                    self.actors[number] = self._actor(number)
            try:
                self._restart_all()
                return
            except self.ray.exceptions.RayActorError:
                continue

    def _alive(self, actor: Any) -> bool:
        try:
            self.ray.get(actor.ping.remote(), timeout=60)
        except self.ray.exceptions.RayActorError:
            return False
        return True

    def _steps(self, cancelled: threading.Event) -> None:
        """Send steps, a few at a time; take what settles, in order; keep a checkpoint now and
        then."""
        chunks = _chunks(self.job.source.pieces(self.piece), self.count, self._step_bytes())
        flow = Flow(self)
        saved = time.monotonic()
        following = self.piece
        for chunk in chunks:
            flow.send(chunk)
            following = chunk[-1][-1].number + 1 if chunk[-1] else following
            while flow.in_flight > IN_FLIGHT + self.stages * LAG:
                flow.take()
            stop = cancelled.is_set()
            if (
                stop
                or self.recorder.due()
                or time.monotonic() - saved >= self.job.options.checkpoint_s
            ):
                flow.drain()
                self._save(following)
                saved = time.monotonic()
            faults.point("ray.step")
            if stop:
                raise self._interrupted()
        flow.drain()
        self._save(following)

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
        if self.job.options.checkpoint:
            self.recorder.commit(following, tables)
        self.saved, self.piece = tables, following

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


class Flow:
    """Steps on their way. Calls are sent with a lag, so that an actor finds the parts of the
    others ready."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.step = 0
        self.open: deque[tuple[int, int, list[list[Any]]]] = (
            deque()
        )  # step, stage, refs of each worker's parts
        self.ready: deque[tuple[int, list[Any]]] = deque()
        self.last: dict[int, int] = {}  # step -> the piece that it ends with

    @property
    def in_flight(self) -> int:
        """Steps that were sent and not taken."""
        return len(self.open) + len(self.ready)

    def send(self, chunk: Sequence[Sequence[Piece]]) -> None:
        """Send a step: each worker its pieces."""
        crew = self.crew
        parts = crew.stages > 0 and crew.count
        refs = []
        for actor, pieces in zip(crew.actors, chunk, strict=True):
            returns = parts or 1
            given = actor.load.options(num_returns=returns).remote(self.step, list(pieces))
            refs.append(given if returns > 1 else [given])
        self.last[self.step] = max((p.number for pieces in chunk for p in pieces), default=-1)
        if crew.stages == 0:
            self.ready.append((self.step, [given[0] for given in refs]))
        else:
            self.open.append((self.step, 0, refs))
            self._advance(LAG)
        self.step += 1

    def _advance(self, lag: int) -> None:
        """Let each open step behind the newest `lag` answer one stage."""
        going = list(self.open)[: max(0, len(self.open) - lag)]
        for _ in going:
            self.open.popleft()
        kept = []
        for step, stage, refs in going:
            answers = self._own(step, stage, refs)
            following = self._proceed(step, stage, answers)
            if stage + 1 == self.crew.stages:
                self.ready.append((step, [given[0] for given in following]))
            else:
                kept.append((step, stage + 1, following))
        self.open.extendleft(reversed(kept))

    def _own(self, step: int, stage: int, refs: list[list[Any]]) -> list[list[Any]]:
        count = self.crew.count
        found = []
        for owner, actor in enumerate(self.crew.actors):
            given = actor.own.options(num_returns=count).remote(
                step,
                stage,
                *[refs[sender][owner] if sender != owner else None for sender in range(count)],
            )
            found.append(given if count > 1 else [given])
        return found

    def _proceed(self, step: int, stage: int, answers: list[list[Any]]) -> list[list[Any]]:
        count = self.crew.count
        last = stage + 1 == self.crew.stages
        found = []
        for sender, actor in enumerate(self.crew.actors):
            returns = 1 if last else count
            given = actor.proceed.options(num_returns=returns).remote(
                step,
                stage,
                *[answers[owner][sender] if owner != sender else None for owner in range(count)],
            )
            found.append(given if returns > 1 else [given])
        return found

    def take(self) -> None:
        """Wait for the oldest step and hand its blocks to the end of the run."""
        while not self.ready:
            self._advance(0)
        step, refs = self.ready.popleft()
        blocks = self.crew.ray.get(refs)
        crew, last = self.crew, self.last.pop(step)
        for settled in blocks:
            for block in settled:
                if block.piece >= crew.done:
                    crew.recorder.take(block)
        crew.done = max(crew.done, last + 1)

    def drain(self) -> None:
        """Take everything that is on its way."""
        while self.open or self.ready:
            self.take()


class RayWorker:
    """The actor of one worker."""

    def __init__(self) -> None:
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)

    def join(self, job: bytes, number: int, workers: int) -> None:
        """Learn what there is to do."""
        import pickle

        self.member = Member(pickle.loads(job), number, workers)

    def ping(self) -> bool:
        """Answer."""
        return True

    def restart(self, tables: Mapping[str, Any] | None, joined: None) -> bool:
        """Go back to a snapshot."""
        return self.member.restart(tables)

    def load(self, step: int, pieces: Sequence[Piece]) -> Any:
        """Read and run up to the first state."""
        return self._several(self.member.load(step, pieces))

    def own(self, step: int, stage: int, *parts: Any) -> Any:
        """Answer for the keys of this worker."""
        return self._several(self.member.own(step, stage, parts))

    def proceed(self, step: int, stage: int, *answers: Any) -> Any:
        """Take the answers and go on."""
        return self._several(self.member.proceed(step, stage, answers))

    def snapshot(self) -> Mapping[str, pa.RecordBatch]:
        """The state of this worker's keys."""
        return self.member.snapshot()

    def _several(self, values: Any) -> Any:
        """A list of one is one return value where one worker works alone."""
        whole = (
            self.member.workers == 1
            and values
            and (values[0] is None or isinstance(values[0], list))
        )
        return values[0] if whole else values


def _by_value(ray: Any, job: Job) -> bytes:
    """Pickle a job; functions of a REPL or a script travel with it."""
    import ray.cloudpickle as cloudpickle

    return cloudpickle.dumps(job)  # type: ignore[no-any-return]


def _chunks(pieces: Iterator[Piece], workers: int, most: int) -> Iterator[list[list[Piece]]]:
    """Deal pieces out: each worker some neighbouring ones a step, about `most` bytes of them."""
    chunk: list[list[Piece]] = [[]]
    size = 0
    for piece in pieces:
        weight = max(piece.size_bytes, LEAST_PIECE)
        if chunk[-1] and size + weight > most:
            if len(chunk) == workers:
                yield chunk
                chunk = []
            chunk.append([])
            size = 0
        chunk[-1].append(piece)
        size += weight
    if chunk[0]:
        yield chunk + [[] for _ in range(workers - len(chunk))]
