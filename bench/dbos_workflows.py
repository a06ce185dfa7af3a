"""Workflows of four steps that do nothing, with DBOS; run by the Python that has it installed.

python bench/dbos_workflows.py URL COUNT IN_FLIGHT writes {"version", "rate"} as JSON: whole
workflows a second, the calls made by as many threads as may be in flight.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from dbos import DBOS  # type: ignore[import-not-found]

STEPS = 4


@DBOS.step()  # type: ignore[untyped-decorator]
def nothing(value: int) -> int:
    """Hand a value on."""
    return value


@DBOS.workflow()  # type: ignore[untyped-decorator]
def four(value: int) -> int:
    """Four steps, each durable before the next."""
    for _ in range(STEPS):
        value = nothing(value)
    return value


def main() -> None:
    """Launch, warm up, measure."""
    url, count, in_flight = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    four(1)
    with ThreadPoolExecutor(in_flight) as threads:
        begun = time.perf_counter()
        assert list(threads.map(four, range(count))) == list(range(count))
        rate = count / (time.perf_counter() - begun)
    sys.stdout.write(json.dumps({"version": version("dbos"), "rate": rate}) + "\n")
    DBOS.destroy()


if __name__ == "__main__":
    main()
