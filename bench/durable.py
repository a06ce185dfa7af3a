"""Durable workflows of four steps that do nothing: raymill and DBOS, on the same disk in one run.

python bench/durable.py PYTHON measures DBOS with the interpreter PYTHON, which has `dbos` (and
`psycopg`) installed, in turns with raymill: SQLite that forces every commit to the disk, with 64
workflows in flight and alone; PostgreSQL where RAYMILL_DATABASE_URL names a server.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from raymill.bench.case import Setup
from raymill.bench.workflows.rates import run_many

RUNS = 3
IN_FLIGHT = (64, 1)
RAYMILL = {64: 10_000, 1: 1_000}
DBOS = {64: 300, 1: 100}
CHILD = Path(__file__).with_name("dbos_workflows.py")


def raymill(folder: Path, in_flight: int, turn: int) -> float:
    """Whole workflows a second."""
    setup = Setup(folder=folder)
    begun = time.perf_counter()
    done = run_many(setup, RAYMILL[in_flight], in_flight, f"raymill-{in_flight}-{turn}")
    return done / (time.perf_counter() - begun)


def dbos(python: str, url: str, in_flight: int) -> tuple[str, float]:
    """DBOS's version, and its whole workflows a second."""
    command = [python, str(CHILD), url, str(DBOS[in_flight]), str(in_flight)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {python} cannot run DBOS: {done.stderr.strip()[-500:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return f"dbos {told['version']}", told["rate"]


def contest(python: str, folder: Path, in_flight: int) -> None:
    """Measure in turns, and print medians with the least and the most."""
    rates: dict[str, list[float]] = {"raymill": []}
    server = os.environ.get("RAYMILL_DATABASE_URL")
    for turn in range(RUNS):
        rates["raymill"].append(raymill(folder, in_flight, turn))
        urls = {"SQLite": f"sqlite:///{folder}/dbos-{in_flight}-{turn}.db"}
        urls |= {"PostgreSQL": server} if server else {}
        for kind, url in urls.items():
            name, rate = dbos(python, url, in_flight)
            rates.setdefault(f"{name} on {kind}", []).append(rate)
    ours = statistics.median(rates["raymill"])
    print(f"{in_flight} in flight, workflows/s: median [least, most], raymill's multiple")
    for name, found in rates.items():
        middle = statistics.median(found)
        spread = f"[{min(found):,.0f}, {max(found):,.0f}]"
        print(f"  {name:<28} {middle:9,.0f} {spread:>18} {ours / middle:8.1f}")


def main() -> None:
    """Both rows, with the rate of forced writes of the disk."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    with TemporaryDirectory(prefix="raymill-durable-", dir=".") as place:
        folder = Path(place).absolute()
        print(f"forced 4 KiB writes/s: {forced(folder):,.0f}")
        for in_flight in IN_FLIGHT:
            contest(sys.argv[1], folder, in_flight)


def forced(folder: Path, count: int = 1000) -> float:
    """How many appended pages a second reach the disk, one after the other."""
    handle = os.open(folder / "forced", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    begun = time.perf_counter()
    for _ in range(count):
        os.write(handle, b"x" * 4096)
        os.fdatasync(handle)
    os.close(handle)
    return count / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
