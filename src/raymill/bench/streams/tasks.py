"""Rows of single tasks over columns, each against a plain Python loop with the same arithmetic."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import json
from raymill.bench import lookalike
from raymill.bench.case import Case, Setup, Work, speed
from raymill.bench.readings import BATCH, KEYS, batches
from raymill.bench.streams import plain
from raymill.bench.streams.operator import Then, timed

FEW = 200_000  # records of a plain Python loop
MANY_KEYS = 1_000_000
MEMBERS = 1_000_000
RANGES = {
    "temperature": (0.7, 35.1),
    "humidity": (20.3, 69.1),
    "light": (0.0, 5153.0),
    "dust": (83.36, 3322.67),
    "airquality_raw": (12.0, 49.0),
}
MISSING = 10  # one value in ten is missing where gaps are filled

Loop = Callable[[Setup, dict[str, list[Any]]], Callable[[], Any]]


def cases() -> Iterator[Case]:
    """The tasks, the fast path first: keys as a dictionary column."""
    keyed = "field `temperature`, key `source` of 10,000 values as a"
    for name, loop in (
        ("kalman_filter", _kalman),
        ("block_window_average", _average),
        ("sliding_linear_regression", _regression),
    ):
        then = _keyed(name)
        yield from _pair(name, f"{keyed} dictionary", then, loop, "temperature")
        yield _text(name, f"{keyed} text", then, "temperature")
    yield from _gaps(keyed)
    yield from _pair("range_filter", "five fields", _range_filter, _ranges, *RANGES)
    yield _million_keys()
    yield from _whole_input()
    yield from _lookups()


def _keyed(name: str) -> Then:
    return lambda stream: stream.then(name, field="temperature", key="source")


def _range_filter(stream: Any) -> Any:
    listed = ",".join(f"{name}:{low}:{high}" for name, (low, high) in RANGES.items())
    return stream.then("range_filter", valid_range=listed)


def _pair(name: str, text: str, then: Then, loop: Loop, *fields: str) -> Iterator[Case]:
    """A task and the loop that it is compared with."""
    yield Case(
        f"streams.{name}",
        text,
        lambda setup: timed(batches(setup, *fields), then),
        against=f"streams.{name}.python",
    )
    yield Case(
        f"streams.{name}.python",
        "a plain Python loop over lists with the same arithmetic",
        lambda setup: python(setup, loop, *fields),
    )


def _text(name: str, text: str, then: Then, *fields: str) -> Case:
    return Case(
        f"streams.{name}.text",
        text,
        lambda setup: timed(batches(setup, *fields, text=True), then),
        against=f"streams.{name}.python",
    )


def python(setup: Setup, loop: Loop, *fields: str) -> Work:
    """The speed of a plain Python loop; its lists are made before."""
    columns = lists(batches(setup, *fields, count=setup.count(FEW)))
    call = loop(setup, columns)
    count = len(columns["source"])

    def work() -> int:
        call()
        return count

    return speed(work)


def lists(found: Sequence[pa.RecordBatch]) -> dict[str, list[Any]]:
    """Columns of batches as Python lists."""
    return {
        name: [cell for batch in found for cell in batch.column(name).to_pylist()]
        for name in found[0].schema.names
    }


def _kalman(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    return partial(plain.kalman_filter, columns["source"], columns["temperature"])


def _average(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    return partial(plain.block_window_average, columns["source"], columns["temperature"])


def _regression(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    return partial(plain.sliding_linear_regression, columns["source"], columns["temperature"])


def _ranges(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    return partial(plain.range_filter, {name: columns[name] for name in RANGES}, RANGES)


def _gaps(keyed: str) -> Iterator[Case]:
    name, then = "interpolation", _keyed("interpolation")
    for text in (False, True):
        kind = "text" if text else "dictionary"
        yield Case(
            "streams.interpolation.text" if text else "streams.interpolation",
            f"{keyed} {kind}, every tenth value missing",
            lambda setup, text=text: timed(with_gaps(setup, text), then),  # type: ignore[misc]
            against="streams.interpolation.python",
        )
    yield Case(
        f"streams.{name}.python",
        "a plain Python loop over lists with the same arithmetic",
        lambda setup: python(setup, _filled, "temperature"),
    )


def with_gaps(setup: Setup, text: bool = False) -> list[pa.RecordBatch]:
    """Readings of which every tenth has no temperature."""
    found = []
    for batch in batches(setup, "temperature", text=text):
        values = batch.column("temperature").to_numpy()
        column: Any = pa.array(values, mask=np.arange(len(values)) % MISSING == MISSING - 1)
        found.append(batch.set_column(2, "temperature", column))
    return found


def _filled(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    values = [
        None if i % BATCH % MISSING == MISSING - 1 else value
        for i, value in enumerate(columns["temperature"])
    ]
    return partial(plain.interpolation, columns["source"], values)


def _million_keys() -> Case:
    def prepare(setup: Setup) -> Work:
        found = batches(setup, "temperature", keys=setup.count(MANY_KEYS), text=True)
        return timed(found, _keyed("kalman_filter"))

    return Case(
        "streams.kalman_filter_million_keys",
        "field `temperature`, key `source` of 1,000,000 values as text, all new at first",
        prepare,
        most_runs=3,
    )


def _whole_input() -> Iterator[Case]:
    """Tasks with one state for all records."""
    name, then = "distinct_approx_count", _distinct
    yield from _pair(name, "field `source` as a dictionary", then, _counted)
    yield _text(name, "field `source` as text", then)
    yield from _pair(
        "second_order_moment", "field `temperature`, exact", _moment, _squares, "temperature"
    )
    text = "windows of 20 over all series: `source`, `timestamp`, `temperature`"
    yield from _pair("accumulator", text, _accumulate, _collected, "temperature")


def _distinct(stream: Any) -> Any:
    return stream.then("distinct_approx_count", field="source")


def _counted(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    return partial(plain.distinct_approx_count, columns["source"])


def _moment(stream: Any) -> Any:
    return stream.then("second_order_moment", field="temperature")


def _squares(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    return partial(plain.second_order_moment, columns["temperature"])


def _accumulate(stream: Any) -> Any:
    return stream.then("accumulator", series="source", time="timestamp", value="temperature")


def _collected(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    return partial(
        plain.accumulator, columns["source"], columns["timestamp"], columns["temperature"]
    )


def _lookups() -> Iterator[Case]:
    """Tasks that look values up in something that was loaded before."""
    for name, make, loop in (
        ("bloom_filter_check", _with_filter, _looked_up),
        ("annotate", _with_annotations, _annotated),
    ):
        for text in (False, True):
            kind = "text" if text else "a dictionary"
            yield Case(
                f"streams.{name}.text" if text else f"streams.{name}",
                f"field `source` as {kind}, {_LOADED[name]}",
                lambda setup, make=make, text=text: timed(  # type: ignore[misc]
                    batches(setup, text=text), make(setup)
                ),
                against=f"streams.{name}.python",
            )
        yield Case(
            f"streams.{name}.python",
            "a plain Python loop over lists with the same look-ups",
            lambda setup, loop=loop: python(setup, loop),  # type: ignore[misc]
        )


_LOADED = {
    "bloom_filter_check": "a filter of 1,000,000 members at 1 %, every other source among them",
    "annotate": "a file of 10,000 keys, two columns added",
}


def members(count: int) -> list[str]:
    """The members of the filter: every other source, and names that never come."""
    return lookalike.key_names(KEYS)[::2] + [f"member-{n}" for n in range(count - KEYS // 2)]


def _with_filter(setup: Setup) -> Then:
    from raymill.engines.hashing import hash_texts
    from raymill.tasks import bloom

    count = max(KEYS, setup.count(MEMBERS))
    shape = bloom.shape(count, 0.01)
    words: NDArray[np.uint64] = np.zeros(shape.blocks * 8, np.uint64)
    bloom.insert(hash_texts(pa.array(members(count))), words, shape.probes)
    path = setup.folder / "members.jsonl"
    path.write_bytes(json.dumps({"model": bloom.pack(words, shape.probes).decode()}) + b"\n")
    return lambda stream: stream.then("bloom_filter_check", field="source", model=str(path))


def _looked_up(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    some = members(max(KEYS, setup.count(FEW)))
    bits = plain.bloom_filter(some, size=len(some) * 6 // 5)
    return partial(plain.bloom_filter_check, columns["source"], bits)


def annotations() -> dict[str, tuple[str, str]]:
    """What the annotation file says about each source."""
    names = lookalike.key_names(KEYS)
    return {name: (f"building{n % 40}", f"kind{n % 7}") for n, name in enumerate(names)}


def _with_annotations(setup: Setup) -> Then:
    path = Path(setup.folder / "annotations.txt")
    lines = (f"{name}:{','.join(row)}\n" for name, row in annotations().items())
    path.write_text("".join(lines))
    return lambda stream: stream.then("annotate", field="source", file=str(path))


def _annotated(setup: Setup, columns: dict[str, list[Any]]) -> Callable[[], Any]:
    return partial(plain.annotate, columns["source"], annotations())
