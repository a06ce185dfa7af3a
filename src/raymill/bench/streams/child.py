"""A run in a process of its own, for rows about start-up and memory; answers with a JSON line."""

import sys
import time
from pathlib import Path
from typing import Any

from raymill import json
from raymill.config.process import settle

settle()  # as the command line does, before Arrow is loaded

from raymill.connectors.nowhere import NowhereSink  # noqa: E402


class First(NowhereSink):
    """Says when the first batch arrives, and forgets all of them."""

    told = False

    def write(self, encoded: int) -> None:
        """Tell once."""
        if not self.told:
            self.told = True
            sys.stdout.write("first\n")
            sys.stdout.flush()
        super().write(encoded)


def main(source: str, sink: str, workers: str) -> None:
    """Filter a file; `sink` is a path, or - to tell of the first batch alone."""
    from raymill.app.streams import run
    from raymill.flow.pipeline import read

    where: Any = First() if sink == "-" else sink
    stream = read(source).then("kalman_filter", field="temperature", key="source")
    begun = time.perf_counter()
    report = run(stream.write(where), workers=int(workers), on_error="stop")
    elapsed = time.perf_counter() - begun
    told = {"records": report.records_in, "seconds": elapsed, "peak_mb": peak_mb()}
    sys.stdout.write(json.dumps(told).decode() + "\n")


def peak_mb() -> float:
    """The most memory that this process had; `ru_maxrss` would count its parent's as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
