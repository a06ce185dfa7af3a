"""What the kernels are told and what they fill, as bundles of arrays."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raymill.connectors.senml.fields import Layout, Type

SKIP, NUMBER, TEXT = 0, 1, 2


class Names(NamedTuple):
    """The element names of a layout, and what becomes of each."""

    pool: NDArray[np.uint8]  # the names, one behind the other
    offsets: NDArray[np.int32]
    kind: NDArray[np.int8]  # SKIP, NUMBER, TEXT
    place: NDArray[np.int32]  # row in `Cells.numbers` or `Cells.starts`
    strict: bool  # an unknown name fails the record


class Templates(NamedTuple):
    """Learned layouts. A step is: fixed text, then a value (or the end of the record)."""

    words: NDArray[np.uint64]  # fixed texts, padded with zeros to whole words
    steps: NDArray[np.int32]  # word, length, op, place
    first: NDArray[np.int32]  # steps of template t: first[t] to first[t + 1]
    absent: NDArray[
        np.uint8
    ]  # template by field: a wanted one that it does not have; last: any of them


class Cells(NamedTuple):
    """The columns under construction, and what the kernels leave to the library."""

    time: NDArray[np.int64]
    numbers: NDArray[np.float64]  # place by row
    valid: NDArray[np.uint8]  # place by row
    starts: NDArray[np.int32]  # of texts: place by row; below 0: in the library's own text
    lengths: NDArray[np.int32]  # of texts; -1: null
    inexact: NDArray[np.int32]  # row, place, start, length of numbers for the library
    missed: NDArray[np.uint8]  # rows: 0 template, 1 generic, 2 for the library
    seen: NDArray[np.int32]  # field: the last row that had it, plus 1


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The array as a read-only view: one type for compiled code, whoever made it."""
    view = array.view()
    view.flags.writeable = False
    return view


def names_of(layout: Layout) -> Names:
    """Lay out the names of a layout for the kernels."""
    texts = [field.name.encode() for field in layout.fields]
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    kind, place = [], []
    counts = {Type.NUMBER: 0, Type.TEXT: 0}
    for field in layout.fields:
        wanted = layout.wants(field.name)
        kind.append((NUMBER if field.type is Type.NUMBER else TEXT) if wanted else SKIP)
        place.append(counts[field.type] if wanted else -1)
        counts[field.type] += wanted
    return Names(
        frozen(np.frombuffer(b"".join(texts), np.uint8)),
        frozen(offsets),
        frozen(np.array(kind, np.int8)),
        frozen(np.array(place, np.int32)),
        layout.unknown == "fail",
    )


def new_cells(layout: Layout, rows: int) -> Cells:
    """Make room for so many rows."""
    numbers = sum(field.type is Type.NUMBER for field in layout.wanted)
    texts = len(layout.wanted) - numbers
    return Cells(
        time=np.zeros(rows, np.int64),
        numbers=np.empty((numbers, rows)),
        valid=np.ones((numbers, rows), np.uint8),
        starts=np.empty((texts, rows), np.int32),
        lengths=np.empty((texts, rows), np.int32),
        inexact=np.empty((numbers * rows, 4), np.int32),
        missed=np.empty(rows, np.uint8),
        seen=np.zeros(len(layout.fields), np.int32),
    )


def pack(templates: Sequence[Any], fields: int) -> Templates:
    """Put learned templates (see `template.Template`) into arrays."""
    words: list[bytes] = []
    steps: list[tuple[int, int, int, int]] = []
    first = [0]
    absent = np.zeros((len(templates), fields + 1), np.uint8)
    place = 0
    for number, template in enumerate(templates):
        for step in template.steps:
            padded = step.text + bytes(-len(step.text) % 8)
            steps.append((place, len(step.text), step.op, step.place))
            words.append(padded)
            place += len(padded) // 8
        first.append(len(steps))
        absent[number, list(template.absent)] = 1
        absent[number, fields] = bool(template.absent)
    return Templates(
        frozen(np.frombuffer(b"".join(words), np.uint64)),
        frozen(np.array(steps, np.int32).reshape(-1, 4)),
        frozen(np.array(first, np.int32)),
        frozen(absent),
    )
