"""The bulk file of companyfacts into the dataset: in pieces, each with its progress saved.

The companies of a piece lie in one folder of the dataset, so that they are written together.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Any

import pyarrow as pa

from raymill.errors import DataError, InputError, RaymillError
from raymill.filings.bulk import answers, cik_of, read_member
from raymill.filings.dataset_parts import BUCKETS
from raymill.filings.extract import VERSION, extract
from raymill.filings.room import Room, Values
from raymill.filings.zipped import Entry, ZipMembers
from raymill.flow.pool import StepContext, StepFailed

PIECE = 100  # companies
ROWS = 50_000  # facts that are written at a time


def pieces(asked: Mapping[str, Any]) -> list[Values]:
    """Cut a bulk file into pieces. Raises InputError, DataError where it is none."""
    with ZipMembers(asked["file"]) as bulk:
        sizes = Counter((cik_of(entry.name) or 0) % BUCKETS for entry in answers(bulk))
    if not sizes:
        raise InputError(
            f"`{asked['file']}` has no answer of companyfacts",
            hint="its members are called CIK##########.json",
        )
    return [
        {"bucket": bucket, "first": first}
        for bucket, size in sorted(sizes.items())
        for first in range(0, size, PIECE)
    ]


def piece(room: Room, one: Mapping[str, Any], asked: Mapping[str, Any], ctx: StepContext) -> Values:
    """Store the facts of some companies; those that are stored as they are now are passed over."""
    work = _Piece(room, ctx)
    with ZipMembers(asked["file"]) as bulk:
        wanted = list(_entries(bulk, one))
        known = room.ledger.marks([_name(entry) for entry in wanted])
        for entry in wanted[work.done :]:
            ctx.check()
            if known.get(_name(entry)) == _mark(entry):
                work.skip()
            else:
                work.take(bulk, entry)
        work.flush()
    return work.counts


class _Piece:
    """How far a piece is."""

    def __init__(self, room: Room, ctx: StepContext) -> None:
        self._room, self._ctx = room, ctx
        self.counts: Values = ctx.progress or {
            **dict.fromkeys(("done", "companies", "facts", "unchanged"), 0),
            "failures": [],
        }
        self.done: int = self.counts["done"]
        self._tables: list[pa.Table] = []
        self._marks: dict[str, str] = {}
        self._rows = 0

    def skip(self) -> None:
        self.counts["unchanged"] += 1
        self.done += 1

    def take(self, bulk: ZipMembers, entry: Entry) -> None:
        self.done += 1
        try:
            facts = _facts(bulk, entry)
        except RaymillError as error:
            self.counts["failures"].append({"name": entry.name, "message": error.message})
            return
        self.counts["companies"] += 1
        self._marks[_name(entry)] = _mark(entry)
        self._tables.append(facts)
        self._rows += facts.num_rows
        if self._rows >= ROWS:
            self.flush()

    def flush(self) -> None:
        """Store what was read, and commit how far that is."""
        self._room.dataset.store_companyfacts(*self._tables)
        self._room.ledger.mark(self._marks)
        self.counts["facts"] += self._rows
        self.counts["done"] = self.done
        self._tables, self._marks, self._rows = [], {}, 0
        self._ctx.save(self.counts)


def total(results: list[Values | StepFailed], cut: list[Values]) -> Values:
    """What came of all pieces; those that failed are named."""
    stored = [one for one in results if not isinstance(one, StepFailed)]
    failures = [failure for one in stored for failure in one["failures"]]
    for place, one in zip(cut, results, strict=True):
        if isinstance(one, StepFailed):
            name = f"piece {place['bucket']}/{place['first']}"
            failures.append({"name": name, "message": f"{one.kind}: {one.message}"})
    names = ("companies", "facts", "unchanged")
    return {name: sum(one[name] for one in stored) for name in names} | {"failures": failures}


def _entries(bulk: ZipMembers, one: Mapping[str, Any]) -> Iterator[Entry]:
    ours = (e for e in answers(bulk) if (cik_of(e.name) or 0) % BUCKETS == one["bucket"])
    with closing(ours):
        yield from islice(ours, one["first"], one["first"] + PIECE)


def _facts(bulk: ZipMembers, entry: Entry) -> pa.Table:
    found = read_member(bulk, entry)
    if found.document is None:
        raise DataError(found.problem)
    return extract(found.document).facts


def _name(entry: Entry) -> str:
    return f"companyfacts/{cik_of(entry.name):010}"


def _mark(entry: Entry) -> str:
    return f"{entry.crc:08x}/{entry.size}/{VERSION}"
