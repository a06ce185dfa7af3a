"""Rows that need a process of their own: peak memory, growth, time to the first batch."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from raymill import json
from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.readings import write_stream
from raymill.bench.streams.whole import write_table
from raymill.errors import EngineError

CHILD = "raymill.bench.streams.child"
LARGE = 5_500_000  # records of CITY in 2 GB
TABLE = 4_000_000
FEW = 20_000
Write = Callable[[Setup, int], Path]


def cases() -> Iterator[Case]:
    """Memory first, then start-up."""
    text = "peak memory of a process with two workers, {} to JSONL"
    yield _memory(
        "streams.memory", text.format("550,000 records of SenML-CSV"), _lines, LARGE // 10
    )
    yield _memory(
        "streams.memory.large",
        text.format("5.5 million records of SenML-CSV (2 GB)"),
        _lines,
        LARGE,
        against="streams.memory",
        large=True,
    )
    text = "peak memory of a process with two workers, {} records of Parquet to Parquet"
    yield _memory("streams.memory_parquet", text.format("4 million"), write_table, TABLE)
    yield _memory(
        "streams.memory_parquet.large",
        text.format("40 million"),
        write_table,
        10 * TABLE,
        against="streams.memory_parquet",
        large=True,
    )
    yield Case(
        "streams.growth",
        "time for 5.5 million records over ten times that for 550,000; SenML-CSV to JSONL",
        _growth,
        unit="x",
        most_runs=3,
        large=True,
    )
    yield _start("streams.first_batch", "with compiled code in the cache", fresh=False)
    yield _start("streams.first_batch.uncompiled", "with an empty cache", fresh=True)


def _lines(setup: Setup, count: int) -> Path:
    return write_stream(setup, "city", count)


def _memory(name: str, text: str, write: Write, count: int, **more: Any) -> Case:
    def prepare(setup: Setup) -> Work:
        path = write(setup, setup.count(count))

        def work() -> Sample:
            told = child(setup, path)
            return Sample(told["peak_mb"], told["records"])

        return work

    return Case(name, text, prepare, unit="MB", warm=False, most_runs=3, **more)


def child(setup: Setup, path: Path, workers: int = 2) -> dict[str, Any]:
    """Run the filter over a file in a process of its own, to a file beside it."""
    out = setup.folder / f"child{path.suffix.replace('.csv', '.jsonl')}"
    command = [sys.executable, "-m", CHILD, str(path), str(out), str(workers)]
    done = subprocess.run(command, capture_output=True, check=False)
    out.unlink(missing_ok=True)
    if done.returncode:
        raise EngineError(f"A measured process failed: {done.stderr.decode()[-500:]}")
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _growth(setup: Setup) -> Work:
    few, many = (write_stream(setup, "city", setup.count(n)) for n in (LARGE // 10, LARGE))

    def work() -> Sample:
        short, long = child(setup, few), child(setup, many)
        times = long["records"] / short["records"]
        return Sample(long["seconds"] / short["seconds"] / times, long["records"])

    return work


def _start(name: str, text: str, *, fresh: bool) -> Case:
    return Case(
        name,
        f"from the start of the process to the first batch of SenML-CSV through the filter, {text}",
        partial(_first, fresh=fresh),
        unit="s",
        warm=not fresh,
        most_runs=3 if fresh else 100,
        against="streams.first_batch" if fresh else "",
    )


def _first(setup: Setup, fresh: bool) -> Work:
    path = write_stream(setup, "city", setup.count(FEW))

    def work() -> Sample:
        with tempfile.TemporaryDirectory(dir=setup.folder) as cache:
            return first_batch(path, cache if fresh else None)

    return work


def first_batch(path: Path, cache: str | None) -> Sample:
    """Seconds from a process's start until its first batch has arrived."""
    environment = {**os.environ, "RAYMILL_CACHE_HOME": cache} if cache else None
    command = [sys.executable, "-m", CHILD, str(path), "-", "1"]
    begun, busy = time.perf_counter(), _busy()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = process.stdout.readline()
        elapsed = time.perf_counter() - begun
        rest, errors = process.stdout.read(), process.stderr.read()
    if told != b"first\n":
        raise EngineError(f"A measured process failed: {errors.decode()[-500:]}")
    return Sample(elapsed, json.loads(rest)["records"], (_busy() - busy) / elapsed)


def _busy() -> float:
    """Seconds that processes which ended were at work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
