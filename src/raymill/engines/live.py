"""A task that answers items as they come and keeps its state in between, without any run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from raymill.engines.graph import Keeper, Passage, enter, open_tasks
from raymill.engines.items import Answers, ItemSource, as_batch
from raymill.engines.single import Config, SingleTask, single
from raymill.flow.pipeline import read
from raymill.flow.plan import Plan, plan
from raymill.flow.source import Block, Piece


@dataclass(frozen=True)
class Given:
    """What a task answered to some items, in order, and which of them failed and why."""

    results: list[Any]
    failed: Mapping[int, str]


@dataclass
class LiveTask:
    """A task with the state of its keys.

    >>> smoothing = LiveTask.of("kalman_filter", {"q": 0.0, "r": 1.0, "p0": 1.0})
    >>> smoothing.answer([4.0]).results, smoothing.answer([5.0, "x"]).results
    ([2.0], [3.0, None])
    """

    task: SingleTask
    plans: dict[str, Plan] = field(default_factory=dict)  # by the columns that items had
    keeper: Keeper | None = None
    calls: int = 0

    @classmethod
    def of(cls, task: Any, config: Config = None) -> "LiveTask":
        """Find a task and configure it. Raises UnknownName, ConfigError."""
        return cls(single(task, config))

    def answer(self, items: Sequence[Any]) -> Given:
        """Answer items in order: None where a record is held, skipped, or failed."""
        if not items:
            return Given([], {})
        batch = as_batch(items, self.task.column)
        made = self._plan(batch)
        if self.keeper is None:
            self.keeper = Keeper(made)
        passage = enter(made, Piece(self.calls), 0, Block(batch, batch.num_rows))
        self.calls += 1
        for node in made.nodes[1:]:
            self.keeper.run(passage, node)
        added = dict.fromkeys(name for node in made.nodes for name in node.outputs.values())
        results = Answers(items, list(added)).in_order(_records(passage, made))
        return Given(results, {letter.row: letter.reason for letter in passage.letters})

    def _plan(self, batch: pa.RecordBatch) -> Plan:
        known = self.plans.get(str(batch.schema))
        if known is None:
            task = self.task.reading(batch.schema.names)
            known = plan(task.then(read(())).write([]), ItemSource(batch))
            open_tasks(known)
            self.plans[str(batch.schema)] = known
        return known


def _records(passage: Passage, made: Plan) -> Iterator[tuple[int, dict[str, Any]]]:
    table = passage.tables[made.nodes[-1].number]
    origins = table.origins(np.arange(table.batch.num_rows)).tolist()
    return zip(origins, table.batch.to_pylist(), strict=True)
