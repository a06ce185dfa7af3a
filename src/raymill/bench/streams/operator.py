"""Batches through the engine's own path of a task: ask, find slots, answer, build the output."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from raymill.bench.case import Work, speed
from raymill.engines.graph import Keeper, enter, open_tasks
from raymill.flow.pipeline import Stream, read
from raymill.flow.plan import Plan, plan
from raymill.flow.source import Block, Piece

Then = Callable[[Stream], Stream]


class Batches:
    """Record batches in memory as a source."""

    names: tuple[str, ...] = ("batches",)

    def __init__(self, batches: Sequence[pa.RecordBatch]) -> None:
        self.batches = batches

    def schema(self) -> pa.Schema:
        """The columns of the batches."""
        return self.batches[0].schema

    def select(self, columns: frozenset[str] | None) -> "Batches":
        """Take these columns."""
        if columns is None:
            return self
        kept = [name for name in self.schema().names if name in columns]
        return Batches([batch.select(kept) for batch in self.batches])

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """A piece for each batch."""
        for number in range(first, len(self.batches)):
            yield Piece(number, size_bytes=self.batches[number].nbytes)

    def read(self, piece: Piece) -> Iterator[Block]:
        """One batch."""
        batch = self.batches[piece.number]
        yield Block(batch, batch.num_rows, size_bytes=batch.nbytes)

    def identity(self) -> Mapping[str, Any]:
        """Nothing: such a run is not resumed."""
        return {}

    def size_bytes(self) -> int:
        """The size of the columns."""
        return sum(batch.nbytes for batch in self.batches)


def planned(batches: Sequence[pa.RecordBatch], then: Then) -> Plan:
    """Plan a pipeline over batches, with everything loaded and compiled."""
    made = plan(then(read([])).write([]), Batches(batches))
    open_tasks(made)
    return made


def through(
    made: Plan, batches: Iterable[pa.RecordBatch], keeper: Keeper | None = None
) -> Iterator[pa.RecordBatch]:
    """Send batches through all nodes, from empty states on unless some are given."""
    keeper = keeper or Keeper(made)
    for number, batch in enumerate(batches):
        passage = enter(made, Piece(number), 0, Block(batch, batch.num_rows))
        for node in made.nodes[1:]:
            keeper.run(passage, node)
        yield passage.tables[made.nodes[-1].number].batch


def timed(batches: Sequence[pa.RecordBatch], then: Then) -> Work:
    """The speed of a pipeline of tasks over batches: from columns to the output batch."""
    made = planned(batches, then)

    def work() -> int:
        for _ in through(made, batches):
            pass
        return sum(batch.num_rows for batch in batches)

    return speed(work)
