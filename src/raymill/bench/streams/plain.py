"""The same arithmetic as plain Python loops over lists: what the rows `*.python` time."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Keys = Sequence[str]
Values = Sequence[float]


def kalman_filter(keys: Keys, values: Values, q: float = 0.125, r: float = 0.32) -> list[float]:
    """A filter for each key."""
    states: dict[str, tuple[float, float]] = {}
    out = []
    for key, value in zip(keys, values, strict=True):
        x, p = states.get(key, (0.0, 30.0))
        p += q
        gain = p / (p + r)
        x += gain * (value - x)
        states[key] = x, (1.0 - gain) * p
        out.append(x)
    return out


def block_window_average(keys: Keys, values: Values, window: int = 10) -> list[float]:
    """The mean of each block of a key's values."""
    sums: dict[str, tuple[int, float]] = {}
    out = []
    for key, value in zip(keys, values, strict=True):
        n, total = sums.get(key, (0, 0.0))
        n, total = n + 1, total + value
        if n == window:
            out.append(total / n)
            n, total = 0, 0.0
        sums[key] = n, total
    return out


def interpolation(
    keys: Keys, values: Sequence[float | None], window: int = 5
) -> list[float | None]:
    """A missing value becomes the mean of the last ones of its key."""
    rings: dict[str, list[float]] = {}
    out: list[float | None] = []
    for key, value in zip(keys, values, strict=True):
        ring = rings.setdefault(key, [])
        if value is None:
            out.append(sum(ring) / len(ring) if ring else None)
            continue
        ring.append(value)
        if len(ring) > window:
            del ring[0]
        out.append(value)
    return out


def range_filter(
    columns: Mapping[str, Values], ranges: Mapping[str, tuple[float, float]]
) -> list[int]:
    """The rows whose fields all lie in their ranges."""
    bounds = [ranges[name] for name in columns]
    found = []
    for i, cells in enumerate(zip(*columns.values(), strict=True)):
        if all(low <= cell <= high for cell, (low, high) in zip(cells, bounds, strict=True)):
            found.append(i)
    return found


def sliding_linear_regression(
    keys: Keys, values: Values, window: int = 10, horizon: int = 10
) -> list[tuple[float, list[float]]]:
    """A line through the last values of a key, and where it goes."""
    last: dict[str, list[float]] = {}
    seen: set[str] = set()  # keys whose window is full
    middle = (window - 1) / 2.0
    out = []
    for key, value in zip(keys, values, strict=True):
        kept = last.setdefault(key, [])
        kept.append(value)
        if key not in seen:
            if len(kept) == window:
                seen.add(key)
            continue
        del kept[0]
        total = lean = 0.0
        for i, y in enumerate(kept):
            total += y
            lean += (i - middle) * y
        slope = lean * 12.0 / (window * (window * window - 1.0))
        ahead = total / window + slope * middle
        predictions = [ahead + slope * (h + 1) for h in range(horizon)]
        out.append((sum(predictions) / horizon, predictions))
    return out


def distinct_approx_count(values: Iterable[str], k: int = 5) -> list[int]:
    """HyperLogLog over Python's own hash, with linear counting."""
    size = 1 << k
    registers = [0] * size
    harmonic, empty, estimate = float(size), size, 0
    alpha = 0.697 if k == 5 else 0.7213 / (1 + 1.079 / size)
    out = []
    for value in values:
        hashed = hash(value) & 0xFFFFFFFFFFFFFFFF
        rank = 65 - k - (hashed >> k).bit_length()
        register = hashed & (size - 1)
        if rank > registers[register]:
            empty -= registers[register] == 0
            harmonic += 2.0**-rank - 2.0 ** -registers[register]
            registers[register] = rank
            raw = alpha * size * size / harmonic
            estimate = round(size * math.log(size / empty) if raw <= 2.5 * size and empty else raw)
        out.append(estimate)
    return out


def second_order_moment(values: Iterable[float]) -> list[float]:
    """The exact second frequency moment: F2 grows by 2c + 1."""
    counts: dict[float, int] = {}
    moment = 0
    out = []
    for value in values:
        seen = counts.get(value, 0)
        counts[value] = seen + 1
        moment += 2 * seen + 1
        out.append(float(moment))
    return out


def accumulator(
    keys: Keys, times: Sequence[int], values: Values, window: int = 20
) -> list[tuple[str, list[int], list[float]]]:
    """Windows over all keys, a list for each key, sorted by time."""
    held: dict[str, list[tuple[int, float]]] = {}
    out = []
    for n, (key, time, value) in enumerate(zip(keys, times, values, strict=True), start=1):
        held.setdefault(key, []).append((time, value))
        if n % window == 0:
            for name, pairs in held.items():
                pairs.sort(key=lambda pair: pair[0])
                out.append((name, [t for t, _ in pairs], [v for _, v in pairs]))
            held = {}
    return out


def bloom_filter(members: Iterable[str], size: int, probes: int = 7) -> bytearray:
    """A filter of `size` bytes, by double hashing of Python's own hash."""
    bits = bytearray(size)
    for member in members:
        first, step = hash(member), hash((member, 1)) | 1
        for n in range(probes):
            at = (first + n * step) % (size * 8)
            bits[at >> 3] |= 1 << (at & 7)
    return bits


def bloom_filter_check(values: Iterable[str], bits: bytearray, probes: int = 7) -> list[bool]:
    """Whether each value may be a member."""
    size = len(bits) * 8
    out = []
    for value in values:
        first, step = hash(value), hash((value, 1)) | 1
        found = True
        for n in range(probes):
            at = (first + n * step) % size
            if not bits[at >> 3] >> (at & 7) & 1:
                found = False
                break
        out.append(found)
    return out


def annotate(
    keys: Keys, table: Mapping[str, tuple[str, str]]
) -> tuple[list[str | None], list[str | None]]:
    """Two columns from a table."""
    first: list[str | None] = []
    second: list[str | None] = []
    nothing = (None, None)
    for key in keys:
        one, two = table.get(key, nothing)
        first.append(one)
        second.append(two)
    return first, second


def senml_parse(
    texts: Iterable[bytes], loads: Callable[[bytes], Any] = json.loads
) -> dict[str, list[Any]]:
    """Columns from SenML texts, by a JSON library."""
    columns: dict[str, list[Any]] = {}
    times = []
    for text in texts:
        record = loads(text)
        times.append(int(record["bt"]))
        for element in record["e"]:
            value = float(element["v"]) if "v" in element else element["sv"]
            columns.setdefault(element["n"], []).append(value)
    return {"timestamp": times, **columns}


def csv_to_senml(
    columns: Mapping[str, Sequence[Any]], units: Mapping[str, tuple[str, str]], time: str
) -> list[str]:
    """SenML texts from columns, by the standard library; `units`: value key and unit by name."""
    out = []
    for row in zip(*columns.values(), strict=True):
        cells = dict(zip(columns, row, strict=True))
        elements = [
            {"n": name, key: str(cells[name]), "u": unit} for name, (key, unit) in units.items()
        ]
        out.append(json.dumps({"e": elements, "bt": str(cells[time])}, separators=(",", ":")))
    return out


def xml_parse(texts: Iterable[str]) -> list[int]:
    """The measure of each text's students, by the standard library's parser."""
    from xml.etree import ElementTree

    lengths = {"firstname": 6, "lastname": 8, "nickname": 10, "marks": 12}
    out = []
    for text in texts:
        total = 0
        for element in ElementTree.fromstring(text).iter():
            if element.tag == "student":
                total += len(element.get("rollno") or "") + 7
            elif element.tag in lengths:
                total += lengths[element.tag] + len(element.text or "")
        out.append(total)
    return out
