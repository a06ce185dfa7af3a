"""Makes the loops of a window: generated round an aggregate's two steps, compiled and cached."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from raymill.flow.aggregates import Aggregate
from raymill.flow.loop import compile_text

_COUNT = """
@numba.njit(nogil=True, cache={cache}, error_model="python")
def count(table, first, slot, value, size, step, code):
    n = len(slot)
    rows = np.empty(n // step + 16, np.int64)
    numbers = np.empty(0, np.int64)
{make}    m = 0
    for i in range(n):
        s = table[slot[i]]
        seen = s.seen
        width = len(s.open)
        if seen % step == 0:
            w = s.open[(seen // step) % width]
            w.inner = first[0]
            w.number = seen // step
            w.records = 0
        lowest = max(0, (seen - size) // step + 1)
        closed = False
        for k in range(lowest, seen // step + 1):
            w = s.open[k % width]
            if seen < k * step + size:
                add(w.inner, value[i])
                w.records += 1
            if seen == k * step + size - 1:
                if m == len(rows):
                    rows = _wider(rows)
{widen}                answer = result(w.inner)
                rows[m] = i
{store}                m += 1
                w.records = 0
                closed = True
        s.seen = seen + 1
        if closed:
            s.left = 0
            code[i] = 0
        else:
            s.left += 1
            code[i] = 255
    return (rows[:m], numbers{give})
"""

_TIME = """
@numba.njit(nogil=True, cache={cache}, error_model="python")
def time(table, first, slot, value, when, size, step, late, code):
    n = len(slot)
    rows = np.empty(n // 8 + 16, np.int64)
    numbers = np.empty(n // 8 + 16, np.int64)
{make}    m = 0
    for i in range(n):
        s = table[slot[i]]
        t = when[i]
        width = len(s.open)
        code[i] = 255
        if t > s.seen:
            # close what the key's time has passed, oldest first
            while True:
                best = -1
                for j in range(width):
                    w = s.open[j]
                    if w.records > 0 and w.number * step + size + late <= t:
                        if best < 0 or w.number < s.open[best].number:
                            best = j
                if best < 0:
                    break
                w = s.open[best]
                if m == len(rows):
                    rows = _wider(rows)
                    numbers = _wider(numbers)
{widen}                answer = result(w.inner)
                rows[m] = i
                numbers[m] = w.number
{store}                m += 1
                s.left -= w.firsts
                w.records = 0
                w.firsts = 0
                code[i] = 0
            s.seen = t
        newest = t // step
        oldest = (t - size) // step + 1
        member = False
        for k in range(oldest, newest + 1):
            if k * step + size + late <= s.seen:
                continue
            w = s.open[k % width]
            if w.records == 0:
                w.inner = first[0]
                w.number = k
            w.records += 1
            if not member:
                w.firsts += 1
                s.left += 1
                member = True
            add(w.inner, value[i])
        if not member:
            code[i] = 1
    return (rows[:m], numbers[:m]{give})
"""

_REST = """
@numba.njit(nogil=True, cache={cache}, error_model="python")
def rest(table, count):
    width = table[0].open.shape[0] if count > 0 else 0
    rows = np.empty(count * width, np.int64)
    numbers = np.empty(count * width, np.int64)
    n = count * width
{make_all}    m = 0
    for i in range(count):
        s = table[i]
        last = np.iinfo(np.int64).min
        while True:
            best = -1
            for j in range(width):
                w = s.open[j]
                if w.records > 0 and w.number > last:
                    if best < 0 or w.number < s.open[best].number:
                        best = j
            if best < 0:
                break
            w = s.open[best]
            last = w.number
            answer = result(w.inner)
            rows[m] = i
            numbers[m] = w.number
{store_all}            m += 1
    return (rows[:m], numbers[:m]{give})
"""

_HEAD = """
@numba.njit(nogil=True, cache={cache})
def _wider(a):
    b = np.empty(2 * len(a) + 16, a.dtype)
    b[: len(a)] = a
    return b

"""


@dataclass(frozen=True)
class Kernels:
    """The compiled loops of one aggregate."""

    count: Callable[..., Any]
    time: Callable[..., Any]
    rest: Callable[..., Any]


@lru_cache(maxsize=64)
def build(aggregate: Aggregate, types: tuple[str, ...], is_tuple: bool) -> Kernels:
    """Compile the loops round an aggregate whose result has columns of these numpy types."""
    names = [f"out{j}" for j in range(len(types))]
    cells = [f"answer[{j}]" if is_tuple else "answer" for j in range(len(types))]

    def lines(pattern: str, indent: int) -> str:
        found = [pattern.format(n=n, t=t, c=c) for n, t, c in zip(names, types, cells, strict=True)]
        return "".join(" " * indent + line + "\n" for line in found)

    parts = {
        "make": lines("{n} = np.empty(len(rows), np.{t})", 4),
        "make_all": lines("{n} = np.empty(n, np.{t})", 4),
        "widen": lines("{n} = _wider({n})", 20),
        "store": lines("{n}[m] = {c}", 16),
        "store_all": lines("{n}[m] = {c}", 12),
        "give": "".join(f", {name}[:m]" for name in names),
    }
    text = _HEAD + _COUNT + _TIME + _REST
    for name, value in parts.items():
        text = text.replace("{" + name + "}", value)
    made = compile_text("window", text, {"add": aggregate.add, "result": aggregate.result})
    return Kernels(made.count, made.time, made.rest)
