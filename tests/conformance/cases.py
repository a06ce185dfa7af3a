"""Twelve records, and what each pipeline makes of them, worked out by hand.

The records by key, without those that fail (4 has no source, 5 no value):
a: 8, 4, -4, 16, 3, 1 (records 1, 3, 8, 9, 11, 12); b: 2, 6, 5 (2, 6, 10); c: 0 (7).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.tasks import (
    Copies,
    add_all,
    add_up,
    double,
    ends,
    halfway,
    judge,
    name,
    remember,
    tally,
    warm,
)

from raymill.flow.pipeline import Stream

LINES = """\
{"n":1,"source":"a","room":1,"ts":1000,"value":8.0,"text":"1"}
{"n":2,"source":"b","room":2,"ts":1500,"value":2.0,"text":"2.5"}
{"n":3,"source":"a","room":2,"ts":2000,"value":4.0,"text":"x"}

{"n":4,"source":null,"room":1,"ts":2500,"value":6.0,"text":"4"}
{"n":5,"source":"b","room":1,"ts":3000,"value":null,"text":"5"}
no record
{"n":6,"source":"b","room":2,"ts":2600,"value":6.0,"text":" 6"}
{"n":7,"source":"c","room":1,"ts":3500,"value":0.0,"text":"7"}
{"n":8,"source":"a","room":1,"ts":4000,"value":-4.0,"text":"8"}
{"n":9,"source":"a","room":2,"ts":3100,"value":16.0,"text":"9"}
{"n":10,"source":"b","room":1,"ts":4100,"value":5.0,"text":"10"}
{"n":11,"source":"a","room":1,"ts":2900,"value":3.0,"text":"11"}
{"n":12,"source":"a","room":2,"ts":5200,"value":1.0,"text":"12"}
"""

NO_KEY = (5, 4, "key `source` is null")  # line, record, reason
NO_VALUE = (6, 5, "`value` is null")


@dataclass(frozen=True)
class Case:
    """A pipeline behind the source, and what comes of it."""

    stream: Callable[[Stream], Stream]
    given: list[tuple[Any, ...]]  # the records' `columns`
    columns: tuple[str, ...] = ("n", "value")
    failed: list[tuple[int, int, str]] = field(default_factory=list)
    counts: Mapping[str, Any] = field(
        default_factory=dict
    )  # of the node that bears the case's name


# fmt: off
CASES = {
    "filter": Case(
        lambda s: s.then(warm, label="filter"),
        [(1, 8.0), (3, 4.0), (4, 6.0), (6, 6.0), (9, 16.0), (10, 5.0)],
        failed=[NO_VALUE],
        counts={"records_in": 12, "answered": 6, "skipped": {"too cold": 5}},
    ),
    "text": Case(
        lambda s: s.then(warm, field="text", label="text"),
        [(n,) for n in range(4, 13)],
        ("n",),
        failed=[(3, 3, "`text` is not a number")],
        counts={"skipped": {"too cold": 2}},
    ),
    "recurrence": Case(
        lambda s: s.then(halfway, key="source", label="recurrence"),
        # a: 0+8/2=4, 4, 0, 8, 5.5, 3.25; b: 1, 3.5, 4.25; c: 0
        [(1, 4.0), (2, 1.0), (3, 4.0), (6, 3.5), (7, 0.0),
         (8, 0.0), (9, 8.0), (10, 4.25), (11, 5.5), (12, 3.25)],
        failed=[NO_KEY, NO_VALUE],
        counts={"records_in": 12, "answered": 10, "held": 0},
    ),
    "tuple": Case(
        lambda s: s.then(ends, key="source", label="tuple"),
        [(1, 8.0, 8.0), (2, 2.0, 2.0), (3, 4.0, 8.0), (6, 2.0, 6.0), (7, 0.0, 0.0),
         (8, -4.0, 8.0), (9, -4.0, 16.0), (10, 2.0, 6.0), (11, -4.0, 16.0), (12, -4.0, 16.0)],
        ("n", "low", "high"),
        failed=[NO_KEY, NO_VALUE],
    ),
    "count": Case(
        lambda s: s.window("total", count=2, key="source", label="count"),
        # a: 8+4, -4+16, 3+1; b: 2+6, and 5 is left; c: 0 is left
        [(3, 12.0), (6, 8.0), (9, 12.0), (12, 4.0)],
        failed=[NO_KEY, NO_VALUE],
        counts={"answered": 4, "held": 4, "skipped": {"incomplete window": 2}},
    ),
    "count and rest": Case(
        lambda s: s.window("total", count=2, key="source", flush=True, label="count and rest"),
        [(3, "a", 12.0), (6, "b", 8.0), (9, "a", 12.0), (12, "a", 4.0),
         (None, "b", 5.0), (None, "c", 0.0)],  # the rest, in the order of the keys' first records
        ("n", "source", "value"),
        failed=[NO_KEY, NO_VALUE],
        counts={"answered": 4, "held": 6, "skipped": {}, "records_out": 6},
    ),
    "sliding": Case(
        lambda s: s.window("total", count=3, every=1, key="source", label="sliding"),
        # a: 8+4-4, 4-4+16, -4+16+3, 16+3+1; b: 2+6+5
        [(8, 8.0), (9, 16.0), (10, 13.0), (11, 15.0), (12, 20.0)],
        failed=[NO_KEY, NO_VALUE],
    ),
    "time": Case(
        # windows of one second, open one second longer: [1000, 2000) closes when its key is at 3000
        lambda s: s.window(
            "total", seconds=1, late=1, time="ts", key="source", flush=True, label="time"
        ),
        [(8, "a", 8.0, 1000, 2000), (8, "a", 4.0, 2000, 3000),  # a is at 4000: both are over
         (10, "b", 2.0, 1000, 2000), (10, "b", 6.0, 2000, 3000),
         (12, "a", 16.0, 3000, 4000),  # record 9 came behind record 8, and not too late
         (None, "a", -4.0, 4000, 5000), (None, "a", 1.0, 5000, 6000),
         (None, "b", 5.0, 4000, 5000), (None, "c", 0.0, 3000, 4000)],
        ("n", "source", "value", "window_start", "window_end"),
        failed=[NO_KEY, NO_VALUE],
        counts={"answered": 3, "held": 6, "skipped": {"late": 1}},  # 11: 2900 is over at 4000
    ),
    "copies": Case(
        lambda s: s.then(Copies, label="copies"),
        [(1, 0), (2, 0), (2, 1), (4, 0), (5, 0), (5, 1), (7, 0), (8, 0), (8, 1),
         (10, 0), (11, 0), (11, 1)],
        ("n", "copy"),
    ),
    "all": Case(
        lambda s: s.then(add_all, label="all"),
        [(1, 8.0), (2, 10.0), (3, 14.0), (4, 20.0), (6, 26.0), (7, 26.0), (8, 22.0), (9, 38.0),
         (10, 43.0), (11, 46.0), (12, 47.0)],
        failed=[NO_VALUE],
    ),
    "one key": Case(
        lambda s: s.then(halfway, key="source", label="one key").then(halfway, key="source"),
        # over the recurrence: a: 2, 3, 1.5, 4.75, 5.125, 4.1875; b: 0.5, 2, 3.125; c: 0
        [(1, 2.0), (2, 0.5), (3, 3.0), (6, 2.0), (7, 0.0),
         (8, 1.5), (9, 4.75), (10, 3.125), (11, 5.125), (12, 4.1875)],
        failed=[NO_KEY, NO_VALUE],
    ),
    "two keys": Case(
        lambda s: s.then(halfway, key="source", label="two keys").then(add_up, key="room"),
        # room 1: 4, +0, +0, +4.25, +5.5; room 2: 1, +4, +3.5, +8, +3.25
        [(1, 4.0), (2, 1.0), (3, 5.0), (6, 8.5), (7, 4.0),
         (8, 4.0), (9, 16.5), (10, 8.25), (11, 13.75), (12, 19.75)],
        failed=[NO_KEY, NO_VALUE],
    ),
    "filter between": Case(
        lambda s: (
            s.then(halfway, key="source", label="filter between")
            .then(warm)
            .then(tally, key="source")
        ),
        [(1, 1), (3, 2), (9, 3), (10, 1), (11, 4)],  # a: 4, 4, 8, 5.5; b: 4.25
        ("n", "number"),
        failed=[NO_KEY, NO_VALUE],
    ),
    "inner join": Case(
        lambda s: s.then(halfway, key="source", as_="smooth", label="inner join").join(
            s.then(warm, label="inner join").then(double, as_="double")
        ),
        [(1, 4.0, 16.0), (3, 4.0, 8.0), (6, 3.5, 12.0), (9, 8.0, 32.0), (10, 4.25, 10.0)],
        ("n", "smooth", "double"),
        failed=[NO_KEY, NO_VALUE, NO_VALUE],  # of either branch
    ),
    "left join": Case(
        lambda s: s.then(halfway, key="source", as_="smooth", label="left join").join(
            s.then(warm, label="left join").then(double, as_="double"), how="left"
        ),
        [(1, 4.0, 16.0), (2, 1.0, None), (3, 4.0, 8.0), (6, 3.5, 12.0), (7, 0.0, None),
         (8, 0.0, None), (9, 8.0, 32.0), (10, 4.25, 10.0), (11, 5.5, None), (12, 3.25, None)],
        ("n", "smooth", "double"),
        failed=[NO_KEY, NO_VALUE, NO_VALUE],
    ),
    "union": Case(
        lambda s: (
            s.then(halfway, key="source", as_="smooth", label="union")
            .select("n", "source", "smooth")
            .union(
                s.then(warm, label="union")
                .then(double, as_="double")
                .select("n", "source", "double")
            )
            .then(tally, key="source", label="union")
        ),
        # the filter passes 1, 3, 4, 6, 9, 10; behind the union the key of 4 is missing
        [(1, 4.0, None, 1), (1, None, 16.0, 2), (2, 1.0, None, 1), (3, 4.0, None, 3),
         (3, None, 8.0, 4), (6, 3.5, None, 2), (6, None, 12.0, 3), (7, 0.0, None, 1),
         (8, 0.0, None, 5), (9, 8.0, None, 6), (9, None, 32.0, 7), (10, 4.25, None, 4),
         (10, None, 10.0, 5), (11, 5.5, None, 8), (12, 3.25, None, 9)],
        ("n", "smooth", "double", "number"),
        failed=[NO_KEY, NO_KEY, NO_VALUE, NO_VALUE],
    ),
    "record function": Case(
        lambda s: s.then(judge, label="record function"),
        [(1, 6.0), (2, -12.0), (4, 12.0), (6, 12.0), (9, 2.0), (10, 24.0), (11, -24.0), (12, -8.0)],
        failed=[(3, 3, "ValueError: four"), NO_VALUE, (10, 8, "broken")],
        counts={"answered": 8, "skipped": {"quiet": 1}},
    ),
    "record function with state": Case(
        lambda s: s.then(remember, key="source", label="record function with state"),
        [(1, "8"), (2, "2"), (3, "8 4"), (6, "2 6"), (9, "4 16"), (10, "6 5"), (11, "16 3"),
         (12, "3 1")],
        ("n", "said"),
        failed=[NO_KEY, NO_VALUE, (10, 8, "broken")],
        counts={"answered": 8, "skipped": {"quiet": 1}},
    ),
    "record function of a dict": Case(
        lambda s: s.then(name, label="record function of a dict"),
        [(1, "a/1"), (2, "b/2"), (3, "a/2"), (5, "b/1"), (6, "b/2"), (7, "c/1"), (8, "a/1"),
         (9, "a/2"), (10, "b/1"), (11, "a/1"), (12, "a/2")],
        ("n", "name"),
        counts={"skipped": {"nameless": 1}},
    ),
    "key of two columns": Case(
        lambda s: s.then(tally, key=["source", "room"], label="key of two columns"),
        # a/1: 1, 8, 11; b/2: 2, 6; a/2: 3, 9, 12; b/1: 5, 10; c/1: 7
        [(1, 1), (2, 1), (3, 1), (5, 1), (6, 2), (7, 1), (8, 2), (9, 2), (10, 2), (11, 3), (12, 3)],
        ("n", "number"),
        failed=[(5, 4, "key `source` and `room` is null")],
    ),
    "integer key": Case(
        lambda s: s.then(tally, key="room", label="integer key"),
        # room 2: 2, 3, 6, 9, 12
        [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 4), (8, 5), (9, 4), (10, 6), (11, 7),
         (12, 5)],
        ("n", "number"),
    ),
    "select": Case(
        lambda s: s.select("value", "n"),
        [(n, v) for n, v in enumerate([8, 2, 4, 6, None, 6, 0, -4, 16, 5, 3, 1], start=1)],
    ),
}
