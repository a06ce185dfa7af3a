"""The local engine: one process. More workers mean threads, and processes for Python record
functions."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from functools import partial

from raymill import faults
from raymill.engines import ending
from raymill.engines.graph import Keeper, Passage, Phases, open_tasks, stateless
from raymill.engines.recorder import Recorder, Settled, settle
from raymill.engines.run import Job, Report
from raymill.engines.snapshot import restore, snapshot
from raymill.engines.work import begin, head, through
from raymill.errors import EngineError, Interrupted
from raymill.flow.source import Piece

STREAMED = 16 * 2**20  # a piece that is larger when loaded is read block by block


class LocalRunner:
    """Runs a job in this process."""

    name = "local"

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop at the next border between pieces."""
        self._cancelled.set()

    def run(self, job: Job) -> Report:
        """Run a job to its end."""
        open_tasks(job.plan)
        recorder = Recorder(job, self.name)
        keeper = Keeper(job.plan, job.options.key_groups)
        first = recorder.open()
        if recorder.resumed is not None:
            restore(keeper, recorder.resumed.tables)
        try:
            pieces = self._pieces(job, first)
            if job.options.workers > 1:
                with Parallel(job, recorder, keeper, self._cancelled) as parallel:
                    parallel.run(pieces)
            else:
                sequential(job, recorder, keeper, pieces)
            if self._cancelled.is_set():
                raise interrupted(job, recorder)
            ending.finish(job, recorder, keeper)
            return recorder.close(keeper.unfinished())
        except BrokenExecutor as error:
            recorder.abandon()
            raise EngineError(
                "A process of the run died",
                hint="it may have run out of memory: fewer --workers need less",
            ) from error
        except BaseException:
            recorder.abandon()
            raise

    def _pieces(self, job: Job, first: int) -> Iterator[Piece]:
        for piece in job.source.pieces(first):
            if self._cancelled.is_set():
                return
            yield piece


def interrupted(job: Job, recorder: Recorder) -> Interrupted:
    """The error of a run that was told to stop."""
    if job.options.checkpoint:
        return Interrupted("Interrupted", hint="go on with the same command and --resume")
    return Interrupted("Interrupted", hint="--checkpoint DIR would let such a run go on later")


def sequential(job: Job, recorder: Recorder, keeper: Keeper, pieces: Iterator[Piece]) -> None:
    """One block after the other, from source to sink."""
    phases = Phases(job.plan)
    following = 0
    for piece in pieces:
        begun = time.monotonic()
        for number, block in enumerate(job.source.read(piece)):
            passage = begin(job, phases, piece, number, block, begun)
            through(passage, [*phases.body, *phases.tail], keeper.run)
            recorder.take(settle(job, passage))
            begun = time.monotonic()
        following = piece.number + 1
        faults.point("local.piece")
        if recorder.due():
            recorder.commit(following, snapshot(keeper))
    if job.options.checkpoint and following:
        recorder.commit(following, snapshot(keeper))


class Parallel:
    """Reading, parsing, stateless work and encoding by a pool; states in block order by the
    calling thread."""

    def __init__(
        self, job: Job, recorder: Recorder, keeper: Keeper, cancelled: threading.Event
    ) -> None:
        self.job = job
        self.cancelled = cancelled
        self.recorder = recorder
        self.keeper = keeper
        self.phases = Phases(job.plan)
        self.limit = job.options.in_flight * job.options.workers

    def __enter__(self) -> "Parallel":
        workers = self.job.options.workers
        self.threads = ThreadPoolExecutor(workers, thread_name_prefix="raymill")
        self.heads: Executor = self.threads
        self.head: Callable[[Piece], list[Passage]] = partial(head, self.job, self.phases)
        if any(node.spec.python for node in self.phases.head):
            from raymill.engines.processes import heads

            pool = heads(self.job, workers)
            if pool is not None:
                self.heads, self.head = pool
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        self.threads.shutdown(wait=True, cancel_futures=True)
        if self.heads is not self.threads:  # a second Ctrl-C waits for nobody
            self.heads.shutdown(wait=kind is not KeyboardInterrupt, cancel_futures=True)

    def run(self, pieces: Iterator[Piece]) -> None:
        """Run all pieces; output stays in input order."""
        heads: deque[tuple[Piece, Future[list[Passage]] | None]] = deque()
        tails: deque[Future[Settled]] = deque()
        following = 0
        more = True
        while (more or heads) and not self.cancelled.is_set():
            while more and len(heads) < self.limit:
                piece = next(pieces, None)
                if piece is None:
                    more = False
                else:
                    heads.append((piece, self._submit(piece)))
            if not heads:
                break
            piece, loaded = heads.popleft()
            for passage in self._passages(piece, loaded):
                through(passage, self.phases.body, self.keeper.run)
                tails.append(self.threads.submit(self._tail, passage))
                self._drain(tails, self.limit)
            following = piece.number + 1
            faults.point("local.piece")
            if self.recorder.due():
                self._drain(tails, 0)
                self.recorder.commit(following, snapshot(self.keeper))
        self._drain(tails, 0)
        if self.job.options.checkpoint and following:
            self.recorder.commit(following, snapshot(self.keeper))

    def _submit(self, piece: Piece) -> Future[list[Passage]] | None:
        """Let the pool load a piece, unless it is too large to be loaded at once."""
        return None if piece.size_bytes > STREAMED else self.heads.submit(self.head, piece)

    def _passages(self, piece: Piece, loaded: Future[list[Passage]] | None) -> Iterator[Passage]:
        if loaded is not None:
            yield from loaded.result()
            return
        begun = time.monotonic()
        for number, block in enumerate(self.job.source.read(piece)):
            yield begin(self.job, self.phases, piece, number, block, begun)
            begun = time.monotonic()

    def _tail(self, passage: Passage) -> Settled:
        through(passage, self.phases.tail, stateless)
        name = threading.current_thread().name.rpartition("_")[2]
        return settle(self.job, passage, name)

    def _drain(self, tails: deque[Future[Settled]], most: int) -> None:
        while len(tails) > most or (tails and tails[0].done()):
            self.recorder.take(tails.popleft().result())
