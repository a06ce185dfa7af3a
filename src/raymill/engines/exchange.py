"""Between workers: which rows go to which owner of keys, and their answers back into order.

Records stay where they were parsed. Only the columns that a task reads travel, with slots that
stand for keys;
a new key's text is sent once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.compiled import kernel
from raymill.engines.clean import Asked, gather
from raymill.engines.graph import Keeper, Passage, set_null_keys_aside
from raymill.engines.keys import KeyTable, group_of, key_texts
from raymill.engines.operator import KeyRoot, Table, ask
from raymill.flow.column_task import Answer, Column
from raymill.flow.outcome import HELD, Outcome, check_reasons
from raymill.flow.plan import Bound, Plan

UNKNOWN = np.iinfo(np.int64).max


@dataclass(slots=True)
class Part:
    """The rows of one block that one owner answers. Slots are the sender's numbers of its keys."""

    columns: dict[str, Column]
    count: int
    slots: NDArray[np.int32] | None = None
    new_slots: NDArray[np.int32] | None = None
    new_texts: Array | None = None
    new_stamps: NDArray[np.int64] | None = None


@dataclass(slots=True)
class Waiting:
    """A block that waits for answers: what was asked, and which of its rows went to which owner."""

    passage: Passage
    asked: Asked
    rows: list[NDArray[np.int64] | None] = field(default_factory=list)  # by owner; None: all


def owned(worker: int, workers: int, groups: int) -> range:
    """The key groups that a worker owns."""
    return range(-(-worker * groups // workers), -(-(worker + 1) * groups // workers))


def owner_of(groups: NDArray[np.int32], workers: int, count: int) -> NDArray[np.int32]:
    """Which worker owns each group."""
    return (groups.astype(np.int64) * workers // count).astype(np.int32)


@kernel
def _split(owner: Any, slots: Any, workers: int) -> Any:
    """Row numbers by owner, in order, and where each owner's begin."""
    starts = np.zeros(workers + 1, np.int64)
    for i in range(len(slots)):
        starts[owner[slots[i]] + 1] += 1
    for w in range(workers):
        starts[w + 1] += starts[w]
    at = starts[:-1].copy()
    rows = np.empty(len(slots), np.int64)
    for i in range(len(slots)):
        w = owner[slots[i]]
        rows[at[w]] = i
        at[w] += 1
    return rows, starts


class Home:
    """One worker's side of the exchange where records live: numbers keys, sends parts, merges
    answers."""

    def __init__(self, plan: Plan, workers: int, groups: int, roots: dict[int, KeyRoot]) -> None:
        self.workers = workers
        self.groups = groups
        self.roots = roots
        self.keys = {root: KeyTable(groups) for root in dict.fromkeys(roots.values())}
        self.owner: dict[KeyRoot, NDArray[np.int32]] = {r: np.empty(0, np.int32) for r in self.keys}

    def send(self, node: Bound, passage: Passage) -> tuple[Waiting, list[Part | None]]:
        """Ask a node's question: a part for each owner that has rows, None for the others."""
        table = passage.tables[node.inputs[0]]
        asked = ask(node, table)
        if node.place == "one":
            parts: list[Part | None] = [None] * self.workers
            to = node.number % self.workers
            parts[to] = Part(asked.columns, asked.count)
            rows: list[NDArray[np.int64] | None] = [np.empty(0, np.int64)] * self.workers
            rows[to] = None
            return Waiting(passage, asked, rows), parts
        return self._by_key(node, passage, table, asked)

    def _by_key(
        self, node: Bound, passage: Passage, table: Table, asked: Asked
    ) -> tuple[Waiting, list[Part | None]]:
        root = self.roots[node.number]
        keys = self.keys[root]
        before = len(self.owner[root])
        found = table.slots.get(root)
        if found is None:
            texts = key_texts([arrow.combine(table.batch.column(name)) for name in node.key])
            found = table.slots[root] = keys.slots(texts, passage.stamp)
        self._learn(root)
        set_null_keys_aside(node, asked, found)
        slots = found if asked.good is None else found[asked.good]
        order, starts = _split(self.owner[root], slots, self.workers)
        fresh = np.arange(before, len(keys), dtype=np.int32)
        parts: list[Part | None] = []
        rows: list[NDArray[np.int64] | None] = []
        for worker in range(self.workers):
            mine = order[starts[worker] : starts[worker + 1]]
            rows.append(mine)
            parts.append(self._part(root, asked, slots, mine, fresh, worker))
        return Waiting(passage, asked, rows), parts

    def _learn(self, root: KeyRoot) -> None:
        """Find the owners of keys that are new here."""
        keys = self.keys[root]
        known = len(self.owner[root])
        if len(keys) > known:
            new = owner_of(keys.groups[known:], self.workers, self.groups)
            self.owner[root] = np.concatenate([self.owner[root], new])

    def _part(
        self,
        root: KeyRoot,
        asked: Asked,
        slots: NDArray[np.int32],
        rows: NDArray[np.int64],
        fresh: NDArray[np.int32],
        worker: int,
    ) -> Part | None:
        new = fresh[self.owner[root][fresh] == worker] if len(fresh) else fresh
        if len(rows) == 0 and len(new) == 0:
            return None
        columns = {name: gather(column, rows) for name, column in asked.columns.items()}
        part = Part(columns, len(rows), slots[rows])
        if len(new):
            part.new_slots = new
            part.new_texts = self.keys[root].texts(slots=new)
            part.new_stamps = self.keys[root].stamps[new]
        return part


class Owner:
    """One worker's side of the exchange where keys live: translates slots, runs tasks."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.known: dict[tuple[KeyRoot, int], NDArray[np.int32]] = {}

    def answer(self, node: Bound, sender: int, part: Part) -> Answer:
        """Answer the rows of one part; parts come in input order."""
        asked = Asked(part.columns, part.count)
        if part.slots is None:
            return self.keeper.answer(node, asked, np.zeros(part.count, np.int32))
        root = self.keeper.roots[node.number]
        places = self._places(root, sender, part)
        return self.keeper.answer(node, asked, places[part.slots])

    def _places(self, root: KeyRoot, sender: int, part: Part) -> NDArray[np.int32]:
        places = self.known.get((root, sender), _NO_PLACES)
        if (
            part.new_slots is not None
            and part.new_texts is not None
            and part.new_stamps is not None
        ):
            keys = self.keeper.keys[root]
            slots = keys.slots(part.new_texts, UNKNOWN - len(part.new_texts))
            keys.least_stamps(slots, part.new_stamps)
            size = int(part.new_slots.max()) + 1
            if size > len(places):
                wider = np.zeros(max(size, 2 * len(places)), np.int32)
                wider[: len(places)] = places
                places = self.known[root, sender] = wider
            places[part.new_slots] = slots
        return places


_NO_PLACES = np.empty(0, np.int32)


def merge(
    waiting: Waiting, answers: Sequence[Answer | None], declared: Sequence[Outcome] = ()
) -> Answer:
    """One answer from those of several owners, in the order of the rows that were asked.

    declared: what the codes of an answer mean that does not say so itself.
    """
    whole = [
        a for a, rows in zip(answers, waiting.rows, strict=True) if rows is None and a is not None
    ]
    if whole:
        return whole[0]
    given = [
        (a, rows)
        for a, rows in zip(answers, waiting.rows, strict=True)
        if a is not None and rows is not None
    ]
    given = [(a, rows) for a, rows in given if len(rows)]
    if not given:
        return Answer({}, code=np.full(waiting.asked.count, HELD, np.uint8))
    if len(given) == 1 and len(given[0][1]) == waiting.asked.count:
        return given[0][0]
    code, outcomes = _codes(waiting, given, declared)
    errors = {int(rows[i]): text for a, rows in given for i, text in (a.errors or {}).items()}
    if any(a.rows is not None for a, _ in given):
        return replace(_several(given), code=code, outcomes=outcomes, errors=errors or None)
    order = np.concatenate([rows for _, rows in given])
    columns = {n: _scatter([a.columns[n] for a, _ in given], order) for n in given[0][0].columns}
    return Answer(columns, code, outcomes=outcomes, errors=errors or None)


def _codes(
    waiting: Waiting, given: list[tuple[Answer, NDArray[np.int64]]], declared: Sequence[Outcome]
) -> tuple[NDArray[np.uint8] | None, tuple[Outcome, ...] | None]:
    """The code of each row, and what they mean: owners number reasons as they meet them."""
    if all(a.code is None for a, _ in given):
        return None, None
    code = np.zeros(waiting.asked.count, np.uint8)
    outcomes = list(declared)
    for a, rows in given:
        if a.code is not None:
            code[rows] = a.code if a.outcomes is None else _renumber(a.outcomes, outcomes)[a.code]
    return code, None if all(a.outcomes is None for a, _ in given) else tuple(outcomes)


def _renumber(given: Sequence[Outcome], known: list[Outcome]) -> NDArray[np.uint8]:
    """From an owner's codes to common ones; new reasons are added."""
    codes = np.arange(256, dtype=np.uint8)
    for number, outcome in enumerate(given, start=1):
        if outcome not in known:
            check_reasons(len(known) + 1)
            known.append(outcome)
        codes[number] = known.index(outcome) + 1
    return codes


def _scatter(columns: list[Column], order: NDArray[np.int64]) -> Column:
    """Cells of all owners, each back in its row."""
    if all(isinstance(column, np.ndarray) for column in columns):
        first: Any = columns[0]
        out = np.empty((len(order), *first.shape[1:]), first.dtype)
        out[order] = np.concatenate(columns)
        return out
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return arrow.take(
        arrow.concat(
            [pa.array(c) if isinstance(c, np.ndarray) else arrow.combine(c) for c in columns]
        ),
        back,
    )


def _several(given: list[tuple[Answer, NDArray[np.int64]]]) -> Answer:
    """Answers with none or several outputs for a row: rows are renumbered and merged stably."""
    rows = np.concatenate([asked[a.rows] for a, asked in given if a.rows is not None])
    order = np.argsort(rows, kind="stable")
    columns: dict[str, Column] = {}
    for name in given[0][0].columns:
        cells = [a.columns[name] for a, _ in given]
        arrays = [pa.array(c) if isinstance(c, np.ndarray) else arrow.combine(c) for c in cells]
        columns[name] = arrow.take(arrow.concat(arrays), order)
    return Answer(columns, rows=rows[order])


__all__ = ["Home", "Owner", "Part", "Waiting", "group_of", "merge", "owned"]
