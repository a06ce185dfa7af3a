"""Runs the demo's vendors beside the API, has the sources ask them, and stores a first supply."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from raymill.app.market.flows import crawl
from raymill.config.paths import HOME, home
from raymill.config.process import take
from raymill.errors import ConfigError
from raymill.flow.pool import StepContext
from raymill.services.demo import alpha_vantage, binance, yahoo_finance
from raymill.services.demo.world import CRYPTO, EQUITIES, INDICES, PAIRS, World
from raymill.services.hosts.listen import listen

ADDRESS = "vendors.port"
YEARS = 2
SUPPLY = {
    "binance": [ware.symbol for ware in CRYPTO],
    "alpha_vantage": [ware.symbol for ware in EQUITIES],
    "yahoo_finance": [ware.symbol for ware in INDICES],
    "forex_api": [ware.symbol for ware in PAIRS],
}


def vendors(seed: int = 0) -> Starlette:
    """All vendors as one application, each below its own path."""
    world = World(seed)
    parts = {
        "binance": binance.routes(world),
        "yahoo": yahoo_finance.routes(world),
        "alpha_vantage": alpha_vantage.routes(world),
    }
    return Starlette(routes=[Mount(f"/{name}", routes=found) for name, found in parts.items()])


@contextmanager
def demo() -> Iterator[None]:
    """Run the vendors, have the sources ask them, and store a first supply.

    All of it lies in a folder of its own in `RAYMILL_HOME`, apart from what is real.
    """
    take({HOME: str((home() / "demo").absolute())})
    with running() as address:
        take(settings_for(address))
        store_supply()
        yield


@contextmanager
def running() -> Iterator[str]:
    """Run the vendors on a port of this machine, the same as the last time where it is free."""
    known = home() / ADDRESS
    door = listen("127.0.0.1", _port(known))
    port = door.getsockname()[1]
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text(str(port))
    config = uvicorn.Config(
        vendors(),
        loop="asyncio",
        ws="websockets-sansio",
        lifespan="off",
        access_log=False,
        log_level="error",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([door],), name="raymill-demo", daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def _port(known: Path) -> int:
    """The port of the last time: crawls and streams that go on ask there."""
    text = known.read_text() if known.is_file() else ""
    if not text.isdigit():
        return 0
    try:
        listen("127.0.0.1", int(text)).close()
    except ConfigError:
        return 0
    return int(text)


def settings_for(address: str) -> Mapping[str, str]:
    """The variables by which the sources of a process and its children ask the demo's vendors."""
    return {
        "RAYMILL_SERVE_DEMO": "true",
        "RAYMILL_MARKET_BINANCE_URL": f"http://{address}/binance",
        "RAYMILL_MARKET_LIVE_BINANCE_URL": f"ws://{address}/binance",
        "RAYMILL_MARKET_YAHOO_FINANCE_URL": f"http://{address}/yahoo",
        "RAYMILL_MARKET_YAHOO_FINANCE_SESSION_URL": f"http://{address}/yahoo",
        "RAYMILL_MARKET_YAHOO_FINANCE_RATE": "50",
        "RAYMILL_MARKET_ALPHA_VANTAGE_URL": f"http://{address}/alpha_vantage",
        "RAYMILL_MARKET_ALPHA_VANTAGE_API_KEY": "demo",
        "RAYMILL_MARKET_ALPHA_VANTAGE_PER_DAY": "100000",
        "RAYMILL_MARKET_ALPHA_VANTAGE_RATE": "50",
        "RAYMILL_MARKET_FOREX_API_URL": f"http://{address}/alpha_vantage",
    }


def store_supply(now: datetime | None = None) -> int:
    """Store daily bars of everything, and hours of a month; gives how many rows are new."""
    today = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = today - timedelta(days=365 * YEARS)
    new = 0
    for source, symbols in SUPPLY.items():
        for symbol in symbols:
            asked = {"source": source, "symbol": symbol, "interval": "1d"}
            asked |= {"start": begin.date().isoformat(), "end": today.date().isoformat()}
            new += crawl(asked, StepContext(f"demo-{source}-{symbol}"))["new"]
    hours = {"source": "binance", "symbol": "BTCUSDT", "interval": "1h"}
    hours |= {"start": "2024-01-01", "end": "2024-02-01"}
    return new + int(crawl(hours, StepContext("demo-hours"))["new"])
