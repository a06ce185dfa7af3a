"""Runs a task over records cut into blocks, in order, as an engine with one worker does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pyarrow as pa

from raymill.engines.alone import _Records
from raymill.engines.graph import Keeper, enter, open_tasks
from raymill.engines.operator import Counts
from raymill.flow import as_declared
from raymill.flow.pipeline import read
from raymill.flow.plan import plan
from raymill.flow.source import Block, Piece


@dataclass
class Run:
    """What came out, how it was counted, and what was left in open windows."""

    records: list[dict[str, Any]]
    counts: Counts = field(default_factory=lambda: Counts(0))
    unfinished: int = 0


Records = Sequence[dict[str, Any]]


def run(task: Any, records: Records, cuts: Iterable[int] = (), **given: Any) -> Run:
    """Run over blocks that end before the records `cuts`, and at the end of input."""
    rows = list(records)
    whole = pa.Table.from_pylist(rows).combine_chunks().to_batches()[0]
    made = plan(read(rows).then(as_declared(task), **given).write([]), _Records(whole))
    open_tasks(made)
    keeper, node = Keeper(made), made.nodes[-1]
    found = Run([])
    for number, (start, stop) in enumerate(pairwise([0, *sorted(cuts), len(rows)])):
        block = Block(whole.slice(start, stop - start), stop - start)
        passage = enter(made, Piece(0), number, block)
        keeper.run(passage, node)
        found.records += passage.tables[node.number].batch.to_pylist()
        found.counts.add(passage.counts[node.number])
    if node.place != "anywhere":
        rest = keeper.finish(node)
        found.records += rest.to_pylist() if rest is not None else []
        found.unfinished = sum(keeper.unfinished().values())
    return found
