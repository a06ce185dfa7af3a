"""The record of a run: which data, parameters and code gave which result, with hashes.

Two records whose `id` is equal are of the same run: the same bars, parameters, costs and code.
"""

import hashlib
import inspect
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from raymill import __version__, json
from raymill.market.backtest import Result
from raymill.market.costs import Costs
from raymill.market.prices import Prices
from raymill.market.strategy import Strategy, parameters_of, time_of

LIBRARIES = ("numpy", "numba", "pyarrow")


def record(
    name: str,
    strategy: Strategy,
    costs: Costs,
    result: Result,
    files: Sequence[dict[str, Any]] = (),
    *,
    seed: int = 0,
    started: datetime | None = None,
) -> dict[str, Any]:
    """The record of a backtest as JSON values; `files` say where the bars came from."""
    asked = {
        "strategy": name,
        "class": f"{type(strategy).__module__}:{type(strategy).__qualname__}",
        "parameters": parameters_of(strategy),
        "data": [about_bars(one) for one in result.bars],
        "costs": asdict(costs),
        "cash": result.cash,
        "seed": seed,
        "periods_per_year": result.periods.per_year,
        "code": {"strategy": code_hash(type(strategy)), "engine": engine_hash()},
    }
    return {
        "id": hashlib.sha256(json.dumps(asked)).hexdigest()[:16],
        **asked,
        "files": list(files),
        "path": result.path,
        "versions": versions(),
        "started": started.isoformat() if started else None,
        "result": result.figures(),
        "equity_sha256": hashlib.sha256(result.equity.data).hexdigest(),
        "decisions": len(result.decisions),
        "fills": len(result.fills),
        "orders_left_out": result.left_out,
    }


def about_bars(bars: Prices) -> dict[str, Any]:
    """Which bars, with the hash of all that a run sees of them."""
    return {
        "symbol": bars.symbol,
        "interval": bars.interval.name,
        "adjust": bars.adjust,
        "bars": len(bars),
        "first": time_of(int(bars.ts[0])).isoformat(),
        "last": time_of(int(bars.ts[-1])).isoformat(),
        "sha256": bars.sha256,
    }


def file_hash(path: str | Path) -> str:
    """The hash of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_hash(kind: type[Any]) -> str:
    """A hash of the file that a class stands in; of its name where there is no file."""
    try:
        file = inspect.getsourcefile(kind)
    except TypeError:
        file = None
    if file is None or not Path(file).is_file():
        return hashlib.sha256(f"{kind.__module__}.{kind.__qualname__}".encode()).hexdigest()
    return file_hash(file)


@lru_cache(maxsize=1)
def engine_hash() -> str:
    """A hash of all that turns targets into figures."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def versions() -> dict[str, str]:
    """What a result may depend on beside the code of the market."""
    python = ".".join(map(str, sys.version_info[:3]))
    found = {name: metadata.version(name) for name in LIBRARIES}
    return {"raymill": __version__, "python": python, **found}
