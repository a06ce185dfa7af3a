"""The rows of a bulk file: many made companies, read in pieces by two workers, and stored."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from raymill import json
from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.filings import lookalike
from raymill.errors import EngineError

CHILD = "raymill.bench.filings.bulk_child"
COMPANIES = (250, 500, 1_000, 10_000)
ROWS = (200, 500, 1_000, 2_300)  # of the answers, in turn: 1,000 on average
FIRST = 1_000_000  # the first CIK
_MADE = 12_345  # the CIK of a made answer


def cases() -> Iterator[Case]:
    """More and more companies: a figure that stays says that the time grows with them alone."""
    for count in COMPANIES:
        text = f"a bulk file of {count:,} companies with 1,000 facts each, in pieces, into the lake"
        large = count > 1_000
        work, name = _timed(count), f"filings.bulk_{count}"
        yield Case(name, text, work, "ms/company", "", warm=False, most_runs=3, large=large)
    for count in COMPANIES[-2:]:
        text = f"the most memory that the processes of such a run over {count:,} companies have"
        large = count > 1_000
        work, name = _memory(count), f"filings.bulk_{count}.memory"
        yield Case(name, text, work, "MB", "", warm=False, most_runs=2, large=large)


def _timed(usual: int) -> Any:
    return lambda setup: _work(setup, usual, lambda told: told["seconds"] * 1e3 / told["companies"])


def _memory(usual: int) -> Any:
    return lambda setup: _work(setup, usual, lambda told: told["peak_mb"])


def _work(setup: Setup, usual: int, figure: Any) -> Work:
    count, number = setup.count(usual), iter(range(1_000_000))
    place = setup.lasting_folder / f"{count}.zip"
    path = setup.once(("bulk", count), lambda: bulk_file(place, count))

    def work() -> Sample:
        told = _child(setup.folder / f"home-{count}-{next(number)}", path)
        return Sample(figure(told), told["companies"])

    return work


def bulk_file(path: Path, count: int, first: int = FIRST) -> Path:
    """Write a bulk file of so many companies, whose CIKs begin there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    answers = [lookalike.companyfacts(rows) for rows in ROWS]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for place in range(count):
            cik = first + place
            data = answers[place % len(answers)]
            data = data.replace(b'"cik":%d' % _MADE, b'"cik":%d' % cik)
            data = data.replace(b"%010d-" % _MADE, b"%010d-" % cik)
            file.writestr(f"CIK{cik:010}.json", data)
    return path


def _child(home: Path, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", CHILD, str(path)]
    env = {**os.environ, "RAYMILL_HOME": str(home), "RAYMILL_DATABASE_URL": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise EngineError(f"The measured process failed: {done.stderr.strip()[-500:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1].encode())
    return told
