"""Sends a block through the nodes of a plan, and owns the state of the keys that one worker has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.engines import merge
from raymill.engines.clean import Asked
from raymill.engines.keys import KeyTable, key_texts
from raymill.engines.operator import Counts, KeyRoot, Letter, Table, answer, ask, complete
from raymill.flow.column_task import Answer, State
from raymill.flow.plan import Bound, Plan
from raymill.flow.source import Block, Piece, Reject

ROWS_BITS = 24
BLOCK_BITS = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of a block, once its rows are on their way."""

    rows: int
    span: int
    size_bytes: int
    lines: NDArray[np.int32] | None
    rejects: tuple[Reject, ...]


@dataclass(slots=True)
class Passage:
    """One block on its way through the graph. The rest at the end of input has no entry."""

    piece: Piece
    number: int  # of the block within its piece
    entry: Entry | None
    tables: dict[int, Table] = field(default_factory=dict)
    counts: dict[int, Counts] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    started: float = 0.0
    busy_s: float = 0.0

    @property
    def stamp(self) -> int:
        """The block's place in the whole input; row numbers fit in below."""
        return (self.piece.number << (ROWS_BITS + BLOCK_BITS)) + (self.number << ROWS_BITS)

    def put(self, node: Bound, table: Table, counts: Counts, letters: list[Letter]) -> None:
        """Keep what a node gave."""
        self.tables[node.number] = table
        self.counts[node.number] = counts
        self.letters += letters

    def lighten(self, needed: Iterable[int]) -> None:
        """Forget tables that no later node reads."""
        keep = set(needed)
        self.tables = {n: t for n, t in self.tables.items() if n in keep}


def enter(plan: Plan, piece: Piece, number: int, block: Block) -> Passage:
    """Begin a block's passage at the source."""
    entry = Entry(block.batch.num_rows, block.span, block.size_bytes, block.lines, block.rejects)
    passage = Passage(replace(piece, data=None), number, entry)
    passage.tables[0] = Table(block.batch)
    return passage


class Phases:
    """Nodes by what may run side by side: before any state, with state in order, behind the last
    state."""

    def __init__(self, plan: Plan) -> None:
        nodes = plan.nodes
        after: set[int] = set()  # a stateful node, or behind one
        for node in nodes:
            if node.place != "anywhere" or after.intersection(node.inputs):
                after.add(node.number)
        before: set[int] = set()  # a stateful node, or in front of one
        for node in reversed(nodes):
            if node.place != "anywhere" or node.number in before:
                before.add(node.number)
                before.update(node.inputs)
        ordinary = [node for node in nodes if node.kind != "read"]
        self.head = [n for n in ordinary if n.number not in after]
        self.body = [n for n in ordinary if n.number in after and n.number in before]
        self.tail = [n for n in ordinary if n.number in after and n.number not in before]
        self.sinks = [number for number, _ in plan.sinks]

    def needed(self, later: Iterable[Bound]) -> set[int]:
        """The nodes whose tables the later ones, or the sinks, read."""
        return {number for node in later for number in node.inputs} | set(self.sinks)


def stateless(passage: Passage, node: Bound) -> None:
    """Run a node that keeps nothing."""
    tables = [passage.tables[number] for number in node.inputs]
    if node.kind == "task":
        asked = ask(node, tables[0])
        passage.put(node, *complete(node, tables[0], asked, answer(node, asked, None, None)))
        return
    run = {"select": merge.select, "join": merge.join, "union": merge.union}[node.kind]
    table, counts = run(node, tables)
    passage.put(node, table, counts, [])


class Keeper:
    """The key tables and states of the keys that one worker owns."""

    def __init__(self, plan: Plan, groups: int = 64) -> None:
        self.groups = groups
        self.nodes = {node.number: node for node in plan.nodes if node.place != "anywhere"}
        self.roots = key_roots(plan)
        self.keys = {root: KeyTable(groups) for root in dict.fromkeys(self.roots.values())}
        self.states = {
            number: State(node.spec.state, node.spec.held, node.spec.objects)
            for number, node in self.nodes.items()
        }

    def run(self, passage: Passage, node: Bound) -> None:
        """Run a node on the next block."""
        if node.place == "anywhere":
            stateless(passage, node)
            return
        table = passage.tables[node.inputs[0]]
        asked = ask(node, table)
        slot = self.slots(node, table, asked, passage.stamp)
        passage.put(node, *complete(node, table, asked, self.answer(node, asked, slot)))

    def answer(self, node: Bound, asked: Asked, slot: NDArray[np.int32]) -> Answer:
        """Run the task on rows whose slots are known."""
        state = self.states[node.number]
        state.grow(self.key_count(node))
        return answer(node, asked, slot, state)

    def key_count(self, node: Bound) -> int:
        """How many keys this worker has for a node."""
        return len(self.keys[self.roots[node.number]]) if node.place == "group" else 1

    def slots(self, node: Bound, table: Table, asked: Asked, stamp: int) -> NDArray[np.int32]:
        """The slot of each good row; rows with a null key are set aside."""
        if node.place == "one":
            return np.zeros(asked.count, np.int32)
        root = self.roots[node.number]
        found = table.slots.get(root)
        if found is None:
            texts = key_texts([arrow.combine(table.batch.column(name)) for name in node.key])
            found = table.slots[root] = self.keys[root].slots(texts, stamp)
        set_null_keys_aside(node, asked, found)
        return found if asked.good is None else found[asked.good]

    def finish(self, node: Bound) -> pa.RecordBatch | None:
        """What a task answers at the end: rows with key and added columns, in the order of their
        keys."""
        state = self.states[node.number]
        if not node.spec.flushes or node.task is None:
            return None
        state.grow(self.key_count(node))
        given = node.task.finish(state)
        assert given.rows is not None
        slots = given.rows
        return merge.rest(node, given, self._key_cells(node, slots))

    def _key_cells(self, node: Bound, slots: NDArray[np.int64]) -> dict[str, Any]:
        if node.place != "group":
            return {}
        texts = self.keys[self.roots[node.number]].texts(slots=slots)
        return merge.key_columns(node, texts)

    def unfinished(self) -> dict[int, int]:
        """By node, how many held records lie in windows that are still open."""
        return {
            number: self.nodes[number].task.unfinished(state)  # type: ignore[union-attr]
            for number, state in self.states.items()
            if not self.nodes[number].spec.flushes
        }


def key_roots(plan: Plan) -> dict[int, KeyRoot]:
    """For each keyed node the one that looks its key up first: a node in front of it with the same
    key, from
    which the slots travel. So keys are numbered by one node, in the order in which it sees them."""
    roots: dict[int, KeyRoot] = {}
    travels: dict[int, dict[tuple[str, ...], KeyRoot]] = {0: {}}
    for node in plan.nodes[1:]:
        known = dict(travels[node.inputs[0]]) if node.kind != "union" else {}
        if node.place == "group":
            known.setdefault(node.key, (node.number, node.key))
            roots[node.number] = known[node.key]
        gone = set(node.outputs.values())
        kept = set(node.schema.names)
        travels[node.number] = {
            k: r for k, r in known.items() if not gone.intersection(k) and set(k) <= kept
        }
    return roots


def set_null_keys_aside(node: Bound, asked: Asked, slots: NDArray[np.int32]) -> None:
    """A record without a key fails."""
    if len(slots) and slots.min() < 0:
        without = np.flatnonzero(slots < 0)
        if asked.good is not None:
            without = without[np.isin(without, asked.good)]
        asked.drop(without, f"key {' and '.join(f'`{name}`' for name in node.key)} is null")


def open_tasks(plan: Plan) -> None:
    """Load what tasks need and compile every step now: an error here is an error of the plan."""
    for node in plan.nodes:
        if node.task is not None:
            node.task.open()


def totals(counts: Mapping[int, Counts], into: dict[int, Counts]) -> None:
    """Add a block's counts to the run's."""
    for number, one in counts.items():
        into.setdefault(number, Counts()).add(one)
