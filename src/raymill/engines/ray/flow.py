"""Steps on their way between the driver and the workers."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from raymill.flow.source import Piece

if TYPE_CHECKING:
    from raymill.engines.ray.engine import Crew

LEAST_PIECE = 256 * 2**10  # what a piece counts for at least
LAG = 1  # steps between a question and its answer, so that nobody waits


class Flow:
    """Steps on their way. Calls are sent with a lag, so that an actor finds the parts of the
    others ready."""

    def __init__(self, crew: "Crew") -> None:
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


def chunks(pieces: Iterator[Piece], workers: int, most: int) -> Iterator[list[list[Piece]]]:
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
