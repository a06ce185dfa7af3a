"""The local host: its start, its status and screens in requests a second, many at once."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import json
from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.services import servers
from raymill.bench.services.servers import Server
from raymill.market.instrument import Instrument
from raymill.market.registry import Registry
from raymill.market.schemas import BAR
from raymill.market.sources.columns import records, times
from raymill.market.sources.contract import Listing
from raymill.market.store import MarketStore
from raymill.state.database import open_database
from raymill.state.keys import Keys

BARE = "services.status.bare"
STATUS = "/api/screener/status"
REQUESTS, CONNECTIONS = 20_000, 64
SYMBOLS, MATCHING, SHOWN = 10_000, 500, 100
ROUTES = tuple(f"/api/{name}/status" for name in ("algorunner", "screener", "tickscrawler"))
AT_ONCE = 1000
REFUSED = "429"


def cases() -> Iterator[Case]:
    """The rows of the local host."""
    text = "from the start of `raymill serve` to its first answer"
    yield Case("services.start", text, _start, "s", "", warm=False)
    text = f"a status on {CONNECTIONS} connections, from a second process"
    yield Case("services.status", text, _status, "requests/s", "", against=BARE)
    text = "the same with a key, of any rate"
    yield Case("services.status.key", text, _with_key, "requests/s", "", against=BARE)
    bare = "a FastAPI route that answers as much, on the same server"
    yield Case(BARE, bare, _bare, "requests/s", "")
    text = f"the longest wait of 99 in 100 for a status, on {CONNECTIONS} connections"
    yield Case("services.status.p99", text, _p99, "ms", "")
    text = f"{SHOWN} of {MATCHING} rows that match out of {SYMBOLS:,}, on 16 connections"
    yield Case("services.screen", text, _screen, "requests/s", "")
    text = f"10,000 requests on {AT_ONCE:,} connections for each status: failures but 429s"
    yield Case("services.burst", text, _burst, "failures", "", warm=False, most_runs=1)
    yield Case("services.memory", "the local host behind all of that", _memory, "MB", "")


def _running(setup: Setup) -> Server:
    def start() -> Server:
        return setup.lasting.enter_context(servers.local(setup.lasting_folder / "home"))

    return setup.once("services.local", start)


def _start(setup: Setup) -> Work:
    home = setup.folder / "home-start"

    def work() -> Sample:
        begun = time.perf_counter()
        with servers.local(home) as server:
            server.ask("/")
            return Sample(time.perf_counter() - begun, 1)

    return work


def _status(setup: Setup) -> Work:
    return _rate(_running(setup), STATUS, setup.count(REQUESTS))


def _with_key(setup: Setup) -> Work:
    database = open_database(setup.lasting_folder / "home")
    secret = Keys(database).create("bench", "read", 0).secret
    database.close()
    headers = {"Authorization": f"Bearer {secret}"}
    return _rate(_running(setup), STATUS, setup.count(REQUESTS), headers=headers)


def _bare(setup: Setup) -> Work:
    server = setup.lasting.enter_context(servers.bare(setup.lasting_folder / "home"))
    return _rate(server, "/status", setup.count(REQUESTS))


def _rate(server: Server, path: str, requests: int, **how: Any) -> Work:
    def work() -> Sample:
        done = _all_well(server.load(path, requests, CONNECTIONS, **how))
        return Sample(done["rate"], requests)

    return work


def _p99(setup: Setup) -> Work:
    server, requests = _running(setup), setup.count(REQUESTS)
    return lambda: Sample(_all_well(server.load(STATUS, requests, CONNECTIONS))["p99_ms"], requests)


def _screen(setup: Setup) -> Work:
    home = setup.lasting_folder / "home-screen"
    fill(home, SYMBOLS)
    return screening(setup.lasting.enter_context(servers.local(home)), setup.count(2000), 16)


def screening(server: Server, count: int, connections: int) -> Work:
    """So many screens of what `fill` stored, that find what matches and show a part."""
    highest = float(MATCHING - 1)
    body = {
        "filters": [{"type": "price_filter", "parameters": {"min_price": 0, "max_price": highest}}],
        "limit": SHOWN,
    }
    text = json.dumps(body).decode()

    def work() -> Sample:
        path = "/api/screener/screen"
        done = _all_well(server.load(path, count, connections, method="POST", body=text))
        return Sample(done["rate"], count)

    return work


def _burst(setup: Setup) -> Work:
    server, requests = _running(setup), 10_000

    def work() -> Sample:
        failures = 0
        for path in ROUTES:
            done = server.load(path, requests, AT_ONCE)
            known = {"200", REFUSED}
            others = (count for status, count in done["statuses"].items() if status not in known)
            failures += done["failed"] + sum(others)
        return Sample(failures, requests * len(ROUTES))

    return work


def _memory(setup: Setup) -> Work:
    return lambda: Sample(_running(setup).memory_mb(), 1)


def _all_well(done: dict[str, Any]) -> dict[str, Any]:
    if done["failed"] or set(done["statuses"]) != {"200"}:
        raise AssertionError(f"not every request was answered: {done}")
    return done


def fill(home: Path, symbols: int) -> None:
    """Store three daily bars of many instruments; the last price of each is its number."""
    database = open_database(home)
    named = [
        Instrument(f"S{at:05}", "file", f"S{at:05}", "equity", "USD", name=f"Company {at}")
        for at in range(symbols)
    ]
    found = Registry(database).register("file", Listing(named))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [int((today - timedelta(days=back)).timestamp() * 1e6) for back in (3, 2, 1)]
    price = np.tile(np.arange(symbols, dtype=np.float64) + 0.5, len(days))
    given: dict[str, Any] = dict.fromkeys(("open", "high", "low", "close"), price)
    given["instrument_id"] = np.tile([one.instrument_id for one in found], len(days))
    given |= {"ts": times(np.repeat(days, symbols), 1), "volume": price * 100}
    given["closed"] = np.ones(len(price), bool)
    rows = records(BAR, len(price), given, interval="1d", adj="raw", source="file")
    MarketStore(home / "lake", database).put("bar", "file", pa.Table.from_batches([rows]))
    database.close()
