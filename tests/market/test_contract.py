"""What adapters and the machinery around them say to each other."""

import pickle

import pytest

from raymill.errors import InputError, SourceError
from raymill.market.schemas import BAR, QUOTE, TRADE
from raymill.market.sources.contract import fault_of, refusal, verdict
from raymill.net import Answer, Fetcher, Http, Request, Tries
from raymill.net.messages import Head
from raymill.testing.replay import Recorded, ReplayServer


def test_the_columns_of_records_stand_in_the_order_of_the_design():
    assert TRADE.names == [
        *("instrument_id", "ts", "trade_id", "price", "size", "side", "recv_ts", "source")
    ]
    assert QUOTE.names == [
        *("instrument_id", "ts", "bid", "bid_size", "ask", "ask_size", "update_id", "recv_ts"),
        "source",
    ]
    assert BAR.names == [
        *("instrument_id", "interval", "ts", "open", "high", "low", "close", "volume"),
        *("quote_volume", "trades", "vwap", "closed", "adj", "source"),
    ]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("permanent", InputError),
        ("unknown_symbol", InputError),
        ("range_too_long", InputError),
        ("daily_quota", SourceError),
        ("banned", SourceError),
        ("transient", SourceError),
    ],
)
def test_a_fault_is_an_error_that_says_whether_another_try_is_of_use(fault, kind):
    error = refusal(fault, "no")
    assert type(error) is kind
    assert fault_of(pickle.loads(pickle.dumps(error))) == fault


def fetched(server: ReplayServer, request: Request) -> Answer:
    def judge(head: Head, now: float):
        return (
            verdict("range_too_long", "at most 8 days")
            if head.status == 422
            else verdict("transient", "busy")
        )

    with Http() as http:
        fetcher = Fetcher(http, judge=judge, tries=Tries(most=2), sleep=lambda seconds: None)
        return fetcher.fetch(request)


def test_the_error_of_a_request_says_which_fault_the_vendor_had():
    with ReplayServer({"/long": Recorded(status=422), "/busy": Recorded(status=503)}) as server:
        with pytest.raises(InputError) as found:
            fetched(server, Request(server.url + "/long"))
        assert fault_of(found.value) == "range_too_long"
        with pytest.raises(SourceError) as found:
            fetched(server, Request(server.url + "/busy"))
        assert fault_of(found.value) == "transient"
        assert server.count("/busy") == 2


def test_a_key_in_an_address_is_in_no_message():
    with ReplayServer({"/q?key=abc123": Recorded(status=422)}) as server:
        request = Request(server.url + "/q?key=abc123", secrets=("abc123",))
        with pytest.raises(InputError) as found:
            fetched(server, request)
    assert "abc123" not in found.value.message
    assert "key=****" in found.value.message
