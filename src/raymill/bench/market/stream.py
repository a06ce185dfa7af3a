"""Live trades: from the text of their frames to rows that are committed, and through a socket."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from raymill import json
from raymill.bench.case import Case, Setup, Work, speed
from raymill.errors import EngineError
from raymill.market.instrument import Instrument
from raymill.market.sources.binance_stream import BinanceFeed
from raymill.market.store import MarketStore
from raymill.market.streams.intake import Intake
from raymill.market.streams.ledger import Ledger
from raymill.market.streams.made import channels
from raymill.net.websocket import Frame, Manners, Sockets
from raymill.state.database import open_database

SYMBOLS = 10
MESSAGES = 200_000
TOGETHER = 256  # frames that are taken at once
FLUSH_ROWS = 10_000
BEGAN_MS = 1_700_000_000_000
AFTER_US = (BEGAN_MS + 86_400_000) * 1000
CHILD = "raymill.bench.market.frames"


def cases() -> Iterator[Case]:
    """Into the lake, and through a socket."""
    text = f"trades of {SYMBOLS} symbols, from the text of a frame to rows that are committed"
    yield Case("market.stream", text, _stored, "messages/s", "", against="market.stream.json")
    text = "the same frames through the JSON reader alone"
    yield Case("market.stream.json", text, _read, "messages/s", "")
    text = "the same frames from a websocket of another process, taken and translated"
    yield Case("market.stream.socket", text, _through, "messages/s", "", most_runs=3)


def bodies(count: int) -> list[bytes]:
    """Frames as Binance sends them: trades of some symbols in turn, a millisecond apart."""
    return [_body(number) for number in range(count)]


def _body(number: int) -> bytes:
    symbol, at = f"S{number % SYMBOLS}USDT", BEGAN_MS + number
    place = number // SYMBOLS + 1
    data = {"e": "aggTrade", "E": at, "s": symbol, "a": place}
    data |= {"p": f"{20_000 + number * 7919 % 1000 / 100:.8f}", "q": f"{0.001 + number % 997:.8f}"}
    data |= {"f": place, "l": place, "T": at, "m": number % 3 == 0, "M": True}
    return json.dumps({"stream": f"{symbol.lower()}@aggTrade", "data": data})


def _frames(setup: Setup) -> Sequence[Frame]:
    made = bodies(setup.count(MESSAGES))
    return [Frame((BEGAN_MS + number) * 1000, body) for number, body in enumerate(made)]


def _feed() -> BinanceFeed:
    names = [f"S{number}USDT" for number in range(SYMBOLS)]
    return BinanceFeed(
        [
            Instrument(name, "binance", name, "crypto", "USDT", instrument_id=number)
            for number, name in enumerate(names, start=1)
        ],
        ("trades",),
    )


def _stored(setup: Setup) -> Work:
    frames = setup.once("market.frames", lambda: _frames(setup))
    database = open_database(setup.folder / "stream")
    setup.lasting.callback(database.close)
    runs = itertools.count(1)

    def work() -> int:
        number = next(runs)
        store = MarketStore(setup.folder / "stream" / f"lake-{number}", database)
        return _store(frames, Ledger(store, f"run-{number}", 1, source=f"b{number}"), setup.folder)

    return speed(work, 1)


def _store(frames: Sequence[Frame], ledger: Ledger, folder: Path) -> int:
    feed, made = _feed(), channels(("trades",), folder / "spill")
    intake = Intake(made, feed.instruments_of, lambda: 0, FLUSH_ROWS)
    ledger.begin(0.0)
    for start in range(0, len(frames), TOGETHER):
        intake.take(feed.read(frames[start : start + TOGETHER]))
        if intake.depth >= FLUSH_ROWS:
            _flush(intake, ledger)
    _flush(intake, ledger)
    return made["trades"].rows


def _flush(intake: Intake, ledger: Ledger) -> None:
    for channel in intake.channels.values():
        while (segment := channel.segment(FLUSH_ROWS)) is not None:
            channel.is_stored(segment, ledger.commit(segment, {}, AFTER_US))


def _read(setup: Setup) -> Work:
    frames = setup.once("market.frames", lambda: _frames(setup))

    def work() -> int:
        for _, body in frames:
            json.loads(body)
        return len(frames)

    return speed(work, 1)


def _through(setup: Setup) -> Work:
    count = setup.count(MESSAGES)
    url = _server(setup, count)
    return speed(lambda: asyncio.run(_listen(url, count)), 1)


async def _listen(url: str, count: int) -> int:
    socket, feed, came = await Sockets(Manners(ping_s=None)).open(url), _feed(), 0
    while came < count:
        came += feed.read(await socket.receive()).messages
    await socket.close()
    return came


def _server(setup: Setup, count: int) -> str:
    """Start a server that sends the frames to whoever connects. Gives its address."""
    command = [sys.executable, "-m", CHILD, str(count)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    setup.lasting.callback(_ended(child))
    assert child.stdout is not None
    url = child.stdout.readline().strip()
    if not url:
        raise EngineError("The server of the measurement did not start")
    return url


def _ended(child: "subprocess.Popen[str]") -> Callable[[], None]:
    def end() -> None:
        child.kill()
        child.communicate()

    return end
