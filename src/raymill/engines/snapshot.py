"""Key tables and states as columns: saved, restored, moved by key group. No task has snapshot
code."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.engines.graph import Keeper
from raymill.engines.operator import KeyRoot
from raymill.flow.column_task import State
from raymill.flow.objects import dump_objects, load_objects
from raymill.flow.plan import Plan

Rows = pa.Table | pa.RecordBatch
Tables = Mapping[str, Rows]


def snapshot(keeper: Keeper) -> dict[str, pa.RecordBatch]:
    """All keys and states of one worker. Tables are named `keys:NODE`, `state:NODE`,
    `held:NODE`."""
    tables: dict[str, pa.RecordBatch] = {}
    for root, table in keeper.keys.items():
        columns = [table.texts(), pa.array(table.stamps), pa.array(table.groups)]
        names = ["key", "stamp", "group"]
        tables[_name(keeper, root)] = pa.RecordBatch.from_arrays(columns, names=names)
    for number, state in keeper.states.items():
        label = keeper.nodes[number].label
        node = keeper.nodes[number]
        state.grow(keeper.key_count(node))
        tables[f"state:{label}"] = _columns(state, node.spec.objects is not None)
        if state.held is not None:
            tables[f"held:{label}"] = state.held
    return tables


def _name(keeper: Keeper, root: KeyRoot) -> str:
    return f"keys:{keeper.nodes[root[0]].label}"


def _columns(state: State, has_objects: bool) -> pa.RecordBatch:
    arrays: list[Any] = []
    names: list[str] = []
    rows = state.table[: len(state)]
    for name in rows.dtype.names or ():
        arrays.append(_column(rows[name]))
        names.append(name)
    if has_objects:
        arrays.append(dump_objects(state.objects[: len(state)]))
        names.append("object")
    if not arrays:
        arrays, names = [pa.nulls(len(state))], ["none"]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _column(values: NDArray[Any]) -> Any:
    """One field of the states: a plain column, or the cell's bytes where it is an array or
    nested."""
    if values.ndim == 1 and values.dtype.names is None:
        return pa.array(np.ascontiguousarray(values))
    flat = np.ascontiguousarray(values)
    width = flat.itemsize * math.prod(flat.shape[1:])
    return pa.Array.from_buffers(pa.binary(width), len(flat), [None, pa.py_buffer(flat.tobytes())])


def restore(keeper: Keeper, tables: Tables, groups: range | None = None) -> None:
    """Fill a fresh worker from a snapshot, with the keys of these groups (None: all)."""
    chosen: dict[KeyRoot, NDArray[np.int64]] = {}
    for root, keys in keeper.keys.items():
        table = tables[_name(keeper, root)]
        group = arrow.to_numpy(table.column("group"))
        if groups is None:
            rows = np.arange(len(group))
        else:
            rows = np.flatnonzero((group >= groups.start) & (group < groups.stop))
        chosen[root] = rows
        kept = _chosen(table, rows)
        keys.restore(arrow.combine(kept.column("key")), arrow.to_numpy(kept.column("stamp")))
    for number, state in keeper.states.items():
        node = keeper.nodes[number]
        rows = chosen[keeper.roots[number]] if node.place == "group" else np.arange(1)
        _fill(state, _chosen(tables[f"state:{node.label}"], rows))
        if state.held is not None:
            state.held = _held(tables[f"held:{node.label}"], rows, node.place == "group")


def _chosen(table: Rows, rows: NDArray[np.int64]) -> pa.Table:
    whole = pa.Table.from_batches([table]) if isinstance(table, pa.RecordBatch) else table
    return arrow.take_rows(whole, rows)


def _fill(state: State, table: Rows) -> None:
    count = table.num_rows
    state.grow(count)
    for name in state.table.dtype.names or ():
        kind = state.table.dtype[name]
        column = arrow.combine(table.column(name))
        if kind.shape or kind.names:
            kept: list[Any] = column.to_pylist()
            cells = b"".join(kept)
            state.table[name][:count] = np.frombuffer(cells, kind.base).reshape(count, *kind.shape)
        else:
            state.table[name][:count] = arrow.to_numpy(column)
    if "object" in table.schema.names and state.objects:
        state.objects[:count] = load_objects(
            arrow.combine(table.column("object")), state.objects[:count]
        )


def _held(table: Rows, rows: NDArray[np.int64], keyed: bool) -> pa.RecordBatch:
    """Held rows follow their keys; their slots are numbered anew."""
    whole = pa.Table.from_batches([table]) if isinstance(table, pa.RecordBatch) else table
    if keyed:
        slots = arrow.to_numpy(whole.column("slot"))
        places = np.full(int(max(slots.max(initial=-1), rows.max(initial=-1))) + 1, -1, np.int32)
        places[rows] = np.arange(len(rows), dtype=np.int32)
        stay = np.flatnonzero(places[slots] >= 0)
        whole = arrow.with_column(arrow.take_rows(whole, stay), "slot", places[slots[stay]])
    batches = whole.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=whole.schema)


def merged(parts: Sequence[Mapping[str, pa.RecordBatch]], plan: Plan) -> dict[str, pa.RecordBatch]:
    """One snapshot of several workers', as one worker would have made it: keys in order of first
    appearance."""
    keeper = Keeper(plan)
    order: dict[str, NDArray[np.int64]] = {}
    found: dict[str, pa.RecordBatch] = {}
    for root in keeper.keys:
        name = _name(keeper, root)
        whole = arrow.concat_rows([part[name] for part in parts])
        order[name] = np.argsort(arrow.to_numpy(whole.column("stamp")), kind="stable")
        found[name] = arrow.take_rows(whole, order[name])
    for number, node in keeper.nodes.items():
        state, held = f"state:{node.label}", f"held:{node.label}"
        having = [part for part in parts if state in part]
        if node.place != "group":
            found |= {name: having[0][name] for name in (state, held) if name in having[0]}
            continue
        rows = order[_name(keeper, keeper.roots[number])]
        found[state] = arrow.take_rows(arrow.concat_rows([part[state] for part in having]), rows)
        if held in having[0]:
            counts = [part[state].num_rows for part in having]
            found[held] = _renumbered([part[held] for part in having], counts, rows)
    return found


def _renumbered(
    parts: Sequence[pa.RecordBatch], counts: Sequence[int], rows: NDArray[np.int64]
) -> pa.RecordBatch:
    """Held rows of several workers, with the slots of the merged keys."""
    places = np.empty(len(rows), np.int32)
    places[rows] = np.arange(len(rows), dtype=np.int32)
    starts = np.cumsum([0, *counts])
    moved = []
    for part, start in zip(parts, starts, strict=False):
        slots = places[arrow.to_numpy(part.column("slot")) + start]
        moved.append(arrow.with_column(part, "slot", slots))
    return arrow.concat_rows(moved)
