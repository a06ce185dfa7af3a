"""Binance's words: what its frames say, and that nothing in them can do harm."""

import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from market.streams.rig import Rig, played, until
from market.streams.venue import Venue
from raymill.market.instrument import Instrument
from raymill.market.sources.binance_stream import BinanceFeed
from raymill.market.streams.book import Diff
from raymill.market.streams.columns import to_table
from raymill.market.streams.heard import Heard, Reply
from raymill.market.streams.stream import Stream
from raymill.net.websocket import Frame

KINDS = ("trades", "quotes", "book", "bars")
NAMES = ("NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR")
# Lines of the recorded stream of 2021-10-12.
TRADE = (
    '{"stream":"nknusdt@aggTrade","data":{"e":"aggTrade","E":1633998514600,"s":"NKNUSDT",'
    '"a":9613544,"p":"0.35250000","q":"283.00000000","f":11684390,"l":11684390,'
    '"T":1633998514599,"m":false,"M":true}}'
)
QUOTE = (
    '{"stream":"nknusdt@bookTicker","data":{"u":499869768,"s":"NKNUSDT","b":"0.35210000",'
    '"B":"672.00000000","a":"0.35260000","A":"3199.00000000"}}'
)
DIFF = (
    '{"stream":"nknusdt@depth@100ms","data":{"e":"depthUpdate","E":1633998513366,"s":"NKNUSDT",'
    '"U":499869765,"u":499869767,"b":[["0.35120000","6567.00000000"]],"a":[["0.35340000","0.0"]]}}'
)
BAR = (
    '{"stream":"lrcbtc@kline_1m","data":{"e":"kline","E":1633998520123,"s":"LRCBTC","k":{'
    '"t":1633998480000,"T":1633998539999,"s":"LRCBTC","i":"1m","f":1,"L":2,"o":"0.00000812",'
    '"c":"0.00000814","h":"0.00000815","l":"0.00000811","v":"200.0","n":2,"x":true,'
    '"q":"0.001628","V":"0","Q":"0","B":"0"}}}'
)


def feed() -> BinanceFeed:
    return BinanceFeed(
        [
            Instrument(name, "binance", name, "crypto", "", instrument_id=number)
            for number, name in enumerate(NAMES, start=1)
        ],
        KINDS,
    )


def heard(*bodies: str | bytes) -> Heard:
    frames = [Frame(7, body.encode() if isinstance(body, str) else body) for body in bodies]
    return feed().read(frames)


def test_each_kind_of_frame_becomes_a_row() -> None:
    found = heard(TRADE, QUOTE, DIFF, BAR)
    assert (found.messages, found.bad) == (4, [])
    assert found.trades == [(1, 1633998514599000, 9613544, 0.3525, 283.0, 1, 7)]
    assert found.quotes == [(1, 7, 0.3521, 672.0, 0.3526, 3199.0, 499869768, 7)]
    change = Diff(1, 1633998513366000, 499869765, 499869767, [(0.3512, 6567.0)], [(0.3534, 0.0)], 7)
    assert found.diffs == [change]
    (bar,) = found.bars
    assert bar[:3] == (3, "1m", 1633998480000000)
    assert bar[3:8] == (0.00000812, 0.00000815, 0.00000811, 0.00000814, 200.0)
    assert bar[8:10] == (0.001628, 2)
    assert bar[10] == pytest.approx(0.00000814)
    assert bar[11] is True
    assert found.last_event == 1633998520123000
    assert found.size_bytes == sum(map(len, (TRADE, QUOTE, DIFF, BAR)))


def test_names_are_those_of_the_venue() -> None:
    made = feed()
    assert made.names[:5] == [
        *("nknusdt@aggTrade", "nknusdt@bookTicker", "nknusdt@depth@100ms", "nknusdt@kline_1m"),
        "blzeth@aggTrade",
    ]
    assert made.instruments_of(made.names[3:5]) == {1, 2}
    assert made.url == "wss://stream.binance.com:9443/stream"


@pytest.mark.parametrize(
    ("body", "reply"),
    [
        ('{"result":null,"id":3}', Reply(3)),
        (
            '{"error":{"code":2,"msg":"Invalid request"},"id":4}',
            Reply(4, "Invalid request (code 2)"),
        ),
        ('{"code":3,"msg":"Invalid JSON","id":5}', Reply(5, "Invalid JSON (code 3)")),
    ],
)
def test_answers_to_messages_are_no_records(body: str, reply: Reply) -> None:
    found = heard(body)
    assert (found.replies, found.messages, found.bad) == ([reply], 0, [])


def changed(text: str, **values: Any) -> str:
    body = json.loads(text)
    inner = body["data"].get("k") if "k" in body["data"] else body["data"]
    inner.update(values)
    return json.dumps(body)


@pytest.mark.parametrize(
    "body",
    [
        changed(TRADE, a="9613544"),
        changed(TRADE, a=1.5),
        changed(TRADE, a=-1),
        changed(TRADE, a=1 << 60),
        changed(TRADE, T="1633998514599"),
        changed(TRADE, E=None),
        changed(TRADE, p="0"),
        changed(TRADE, p="1e999"),
        changed(TRADE, p=None),
        changed(TRADE, q="NaN"),
        changed(TRADE, s="ELSE"),
        changed(TRADE, s=["NKNUSDT"]),
        changed(TRADE, e="news"),
        changed(QUOTE, u=True),
        changed(QUOTE, b="-1"),
        changed(DIFF, b=[["1"]]),
        changed(DIFF, b=[["nan", "1"]]),
        changed(DIFF, U="1"),
        changed(BAR, l="0.9"),
        changed(BAR, i="5m"),
        changed(BAR, t="x"),
        "<html><body>503</body></html>",
        "[]",
        "null",
        '{"data": 3}',
        '{"data": []}',
        "",
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_true_is_set_aside(body: str | bytes) -> None:
    found = heard(body, TRADE)
    assert len(found.bad) == 1
    assert found.bad[0].reason
    assert len(found.trades) == 1
    assert found.quotes == found.bars == found.diffs == found.replies == []


scalars = st.none() | st.booleans() | st.integers(-5, 1 << 62) | st.floats() | st.text(max_size=5)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
fields = st.sampled_from(["e", "E", "s", "a", "p", "q", "T", "m", "U", "u", "b", "B", "A", "k"])


@given(st.sampled_from([TRADE, QUOTE, DIFF, BAR]), st.dictionaries(fields, values, max_size=3))
def test_whatever_a_frame_holds_rows_can_be_stored(text: str, wrong: dict[str, Any]) -> None:
    body = json.loads(text)
    body["data"].update(wrong)
    found = heard(json.dumps(body))
    for table, rows in (("trade", found.trades), ("quote", found.quotes), ("bar", found.bars)):
        to_table(table, rows, "binance")  # type: ignore[arg-type]
    assert len(found.trades + found.quotes + found.bars + found.diffs + found.bad) <= 1


@given(st.binary(max_size=40))
def test_bytes_that_mean_nothing_do_no_harm(body: bytes) -> None:
    found = heard(body)
    assert found.trades == found.quotes == found.bars == found.diffs == []


@pytest.mark.system
def test_the_recorded_stream_is_stored_as_it_was(rig: Rig, venue: Venue, shared_data: Path) -> None:
    folder = shared_data / "market" / "binance" / "ws"
    snapshot = json.loads((folder / "depth_snapshot_NKNUSDT.json").read_text())["body"]
    venue.books = {name: {"lastUpdateId": 0, "bids": [], "asks": []} for name in NAMES}
    venue.books["NKNUSDT"] = snapshot
    rig.symbols, rig.wanted = NAMES, KINDS
    text = (folder / "combined_2021-10-12.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]

    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        for line in lines:
            venue.send_text(json.dumps(line["msg"]))
        await until(lambda: stream.intake.counts.messages == 265, "all frames")
        await until(lambda: stream.intake.books and in_step(stream), "the book")

    totals = played(rig, play)
    assert totals.messages_received == 265
    # The two lines of aggTrade in the file, and as many of bookTicker as grep counts.
    assert rig.stored("trade", "trade_id", "price") == [(9213679, 6.38e-06), (15683430, 0.3528)]
    assert len(rig.stored("quote", "update_id")) >= 84
    assert rig.stored("bar", "ts") == []  # all bars in the file are open
    newest = max(row for row in rig.stored("quote", *TOP) if row[1] == 1)
    assert newest == (499870179, 1, 0.3527, 9602.0, 0.3531, 152.0)
    assert rig.set_aside() == set()


TOP = ("update_id", "instrument_id", "bid", "bid_size", "ask", "ask_size")


def in_step(stream: Stream) -> bool:
    assert stream.intake.books is not None
    book = stream.intake.books.books.get(1)
    return book is not None and not book.wants_snapshot
