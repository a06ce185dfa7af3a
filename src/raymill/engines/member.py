"""One worker of an engine with several: loads pieces, owns key groups, exchanges rows with the
others.

Nothing here knows how calls travel; an engine carries the parts.
"""

import time
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from raymill.engines.exchange import Home, Owner, Part, Waiting, merge, owned
from raymill.engines.graph import Keeper, Passage, Phases, key_roots, open_tasks, stateless
from raymill.engines.operator import complete
from raymill.engines.recorder import settle
from raymill.engines.run import Job
from raymill.engines.snapshot import Tables, restore, snapshot
from raymill.engines.work import head, through
from raymill.flow.column_task import Answer
from raymill.flow.plan import Bound
from raymill.flow.source import Piece

Parts = list[Part | None]  # of the blocks of one step, for one owner


class Member:
    """A worker among several."""

    def __init__(self, job: Job, number: int, workers: int) -> None:
        self.job = job
        self.number = number
        self.workers = workers
        self.phases = Phases(job.plan)
        self.stateful = [node for node in self.phases.body if node.place != "anywhere"]
        self.steps: dict[int, list[Passage]] = {}
        self.waiting: dict[int, list[Waiting]] = {}
        self.kept: dict[tuple[int, int], list[Part | None]] = {}
        self.answers: dict[tuple[int, int], list[Answer | None]] = {}
        open_tasks(job.plan)
        self._fresh()

    def _fresh(self) -> None:
        groups = self.job.options.key_groups
        self.keeper = Keeper(self.job.plan, groups)
        self.owner = Owner(self.keeper)
        self.home = Home(self.job.plan, self.workers, groups, key_roots(self.job.plan))
        self.steps.clear()
        self.waiting.clear()
        self.kept.clear()
        self.answers.clear()

    def restart(self, tables: Tables | None) -> bool:
        """Forget everything and go back to a snapshot, taking the key groups that are this
        worker's."""
        self._fresh()
        if tables is not None:
            groups = owned(self.number, self.workers, self.job.options.key_groups)
            mine = {n: t for n, t in tables.items() if not n.startswith("sink:")}
            restore(self.keeper, mine, groups)
        return True

    def load(self, step: int, pieces: Sequence[Piece]) -> Any:
        """Read pieces and run what comes before any state. Gives what goes to each owner, or
        settled blocks."""
        passages = [passage for piece in pieces for passage in head(self.job, self.phases, piece)]
        self.steps[step] = passages
        return self._onward(step, 0)

    def own(
        self, step: int, stage: int, parts: Sequence[Parts | None]
    ) -> list[list[Answer | None] | None]:
        """Answer the rows that all workers sent for a stage of a step, in input order."""
        node = self.stateful[stage]
        found: list[list[Answer | None] | None] = []
        for sender, given in enumerate(parts):
            mine = self.kept.pop((step, stage)) if sender == self.number else given
            answers = [
                self.owner.answer(node, sender, p) if p is not None else None for p in mine or []
            ]
            if sender == self.number:
                self.answers[step, stage] = answers
                found.append(None)
            else:
                found.append(answers)
        return found

    def proceed(self, step: int, stage: int, answers: Sequence[list[Answer | None] | None]) -> Any:
        """Take the owners' answers and go on to the next stage, or settle."""
        node = self.stateful[stage]
        own = self.answers.pop((step, stage), [])
        lists = [own if w == self.number else given or [] for w, given in enumerate(answers)]
        for i, waiting in enumerate(self.waiting.pop(step)):
            begun = time.perf_counter()
            found = [given[i] if i < len(given) else None for given in lists]
            merged = merge(waiting, found, node.spec.outcomes)
            table = waiting.passage.tables[node.inputs[0]]
            waiting.passage.put(node, *complete(node, table, waiting.asked, merged))
            waiting.passage.busy_s += time.perf_counter() - begun
        return self._onward(step, stage + 1)

    def _onward(self, step: int, stage: int) -> Any:
        """Run stateless nodes up to the next one with state, and send its question."""
        passages = self.steps[step]
        following = self._between(stage)
        for passage in passages:
            through(passage, following, stateless)
        if stage == len(self.stateful):
            del self.steps[step]
            name = str(self.number)
            for passage in passages:
                through(passage, self.phases.tail, stateless)
            return [settle(self.job, passage, name) for passage in passages]
        return self._ask(step, stage, passages)

    def _ask(self, step: int, stage: int, passages: list[Passage]) -> list[Parts | None]:
        node = self.stateful[stage]
        parts: list[Parts] = [[] for _ in range(self.workers)]
        waits = []
        for passage in passages:
            begun = time.perf_counter()
            waiting, sent = self.home.send(node, passage)
            passage.busy_s += time.perf_counter() - begun
            waits.append(waiting)
            for worker, part in enumerate(sent):
                parts[worker].append(part)
        self.waiting[step] = waits
        self.kept[step, stage] = parts[self.number]
        return [None if w == self.number else given for w, given in enumerate(parts)]

    def _between(self, stage: int) -> list[Bound]:
        """The stateless body nodes behind stage - 1 and in front of stage."""
        if stage == 0:
            return []
        body = self.phases.body
        begin = body.index(self.stateful[stage - 1]) + 1
        end = body.index(self.stateful[stage]) if stage < len(self.stateful) else len(body)
        return body[begin:end]

    def snapshot(self) -> dict[str, pa.RecordBatch]:
        """The state of this worker's keys."""
        tables = snapshot(self.keeper)
        for node in self.stateful:
            if node.place == "one" and node.number % self.workers != self.number:
                tables.pop(f"state:{node.label}", None)
                tables.pop(f"held:{node.label}", None)
        return tables
