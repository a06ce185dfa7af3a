"""A sweep in a process of its own; answers with a JSON line about its memory."""

import sys
from pathlib import Path

from raymill import json
from raymill.config.process import settle

settle()  # as the command line does, before Arrow is loaded

from raymill.bench.market import series  # noqa: E402
from raymill.market.costs import Costs  # noqa: E402
from raymill.market.sweep.run import job_for, sweep  # noqa: E402


def main(bars: int, count: int) -> None:
    """Run so many sets over so many bars on two threads."""
    sets = series.sets(count)
    costs = Costs(fee_bps=series.COSTS["minutes"])
    done = sweep(job_for(sets, series.minutes(bars), costs, per_year=1e5), sets, threads=2)
    done.best("sharpe", 10)
    told = {"sets": done.trials, "peak_mb": peak_mb()}
    sys.stdout.write(json.dumps(told).decode() + "\n")


def peak_mb() -> float:
    """The most memory that this process had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
