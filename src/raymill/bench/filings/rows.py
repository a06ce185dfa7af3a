"""The rows: an answer to a table, a page to facts, and the memory that a page takes."""

import gzip
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill import json
from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.filings import lookalike
from raymill.bench.readings import stream_file
from raymill.errors import EngineError

CHILD = "raymill.bench.filings.child"
_BARE = {
    "start": pa.string(),
    "end": pa.string(),
    "val": pa.float64(),
    "accn": pa.string(),
    "fy": pa.int16(),
    "fp": pa.string(),
    "form": pa.string(),
    "filed": pa.string(),
    "frame": pa.string(),
}


def cases() -> Iterator[Case]:
    """An answer, a page, metrics."""
    answer, page = "companyfacts", "inline"
    against = "filings.companyfacts.bare"
    text = "a companyfacts answer to a table of facts"
    yield Case("filings.companyfacts", text, _answer, "us/row", answer, against)
    text = "the same bytes through orjson, its nine columns as Arrow arrays"
    yield Case("filings.companyfacts.bare", text, _bare_answer, "us/row", answer)
    text = "an inline quarterly report to a table of facts"
    yield Case("filings.inline", text, _page, "ms", page, "filings.inline.bare")
    text = "the same bytes through lxml's parser alone"
    yield Case("filings.inline.bare", text, _bare_page, "ms", page)
    text = "peak memory of a process that reads an inline report, beyond what it has before"
    yield Case("filings.inline.memory", text, _memory, "MB", page, warm=False, most_runs=3)
    text = "all metrics as known on a day, from the facts of a companyfacts answer"
    yield Case("filings.metrics", text, _metrics, "us/row", answer)


def answer_bytes(setup: Setup) -> bytes:
    """A companyfacts answer."""
    return _bytes(setup, "companyfacts")


def _bytes(setup: Setup, name: str) -> bytes:
    return setup.once(("filings", name), lambda: _read(setup, name))


def _read(setup: Setup, name: str) -> bytes:
    path = stream_file(setup.data, name)
    if path is not None:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if name == "inline":
        return lookalike.quarterly_report(setup.count(lookalike.FACTS))
    return lookalike.companyfacts(setup.count(lookalike.ROWS))


def _timed(work: Callable[[], int], scale: float, *, each: bool) -> Work:
    def run() -> Sample:
        begun, busy = time.perf_counter(), time.process_time()
        records = work()
        elapsed = time.perf_counter() - begun
        figure = elapsed * scale / (records if each else 1)
        return Sample(figure, records, (time.process_time() - busy) / elapsed)

    return run


def _answer(setup: Setup) -> Work:
    from raymill.filings.companyfacts import read_companyfacts
    from raymill.filings.document import Document

    document = Document("answer.json", _bytes(setup, "companyfacts"))
    return _timed(lambda: read_companyfacts(document).num_rows, 1e6, each=True)


def _bare_answer(setup: Setup) -> Work:
    data = _bytes(setup, "companyfacts")

    def work() -> int:
        facts = json.loads(data)["facts"].values()
        tags = [tag for concepts in facts for tag in concepts.values()]
        rows = [row for tag in tags for unit in tag["units"].values() for row in unit]
        columns: dict[str, Any] = {
            name: pa.array([row.get(name) for row in rows], kind) for name, kind in _BARE.items()
        }
        return pa.table(columns).num_rows

    return _timed(work, 1e6, each=True)


def _page(setup: Setup) -> Work:
    from raymill.filings.document import Document
    from raymill.filings.extract import extract

    document = Document("page.htm", _bytes(setup, "inline"))
    return _timed(lambda: extract(document).facts.num_rows, 1e3, each=False)


def _bare_page(setup: Setup) -> Work:
    from lxml import etree

    data = _bytes(setup, "inline")
    count = data.count(b"<ix:nonFraction ")

    def work() -> int:
        etree.fromstring(data)
        return count

    return _timed(work, 1e3, each=False)


def _memory(setup: Setup) -> Work:
    path = setup.folder / "page.htm"
    path.write_bytes(_bytes(setup, "inline"))

    def work() -> Sample:
        told = _child(path)
        return Sample(told["grown_mb"], told["facts"])

    return work


def _child(path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", CHILD, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(f"The measured process failed: {done.stderr.strip()[-500:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1].encode())
    return told


def _metrics(setup: Setup) -> Work:
    from raymill.filings.companyfacts import read_companyfacts
    from raymill.filings.document import Document
    from raymill.filings.series import known

    facts = read_companyfacts(Document("answer.json", _bytes(setup, "companyfacts")))

    def work() -> int:
        known(facts).table(per="quarterly")
        return facts.num_rows

    return _timed(work, 1e6, each=True)
