"""Test a source of market data against what it promises, on answers in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from raymill import arrow, json
from raymill.market.interval import interval
from raymill.market.schemas import SCHEMAS
from raymill.market.sources.contract import Fetch, Page, PageRequest, Source
from raymill.market.stored import TIMES
from raymill.net import Answer, Head, Request

T = TypeVar("T")
MOST = 10_000  # pages


class Answers:
    """Stands where a source asks its vendor: answers from what `body` gives for an address.

    body: bytes, or a value that is told as JSON, or a function of the address. `urls`, `requests`
    and `weights` are what was asked for.
    """

    def __init__(self, body: Any) -> None:
        self._body = body
        self.requests: list[Request] = []
        self.weights: list[float] = []
        self.names: list[str] = []

    @property
    def urls(self) -> list[str]:
        """The addresses that were asked for."""
        return [request.url for request in self.requests]

    def __call__(self, request: Request, *, weight: float = 1.0) -> Answer:
        """Answer a request."""
        self.requests.append(request)
        self.weights.append(weight)
        found = self._body(request.url) if callable(self._body) else self._body
        body = found if isinstance(found, bytes) else json.dumps(found)
        return Answer("ok", request.url, Head(200, {}), body, len(body), "hash")

    def through(self, name: str, work: Callable[[], T], *, weight: float = 1.0) -> T:
        """Let somebody else's client ask."""
        self.names.append(name)
        return work()


def check_pages(source: Source, asked: PageRequest, fetch: Fetch) -> pa.Table:
    """All records of a range, page by page; raises AssertionError where a promise is broken.

    Each page must go on behind the one before, its records must lie in the range, bear the
    instrument, and fit their schema.
    """
    pages: list[Page] = []
    at_us, cursor = asked.start_us, asked.cursor
    while not pages or cursor is not None:
        page = source.page(replace(asked, start_us=at_us, cursor=cursor), fetch)
        _check_page(source, asked, page)
        assert page.next_cursor is None or page.next_cursor != cursor, "the cursor stands still"
        assert page.complete_us >= at_us or page.next_cursor is None, "it goes back in time"
        pages.append(page)
        at_us, cursor = max(at_us, page.complete_us), page.next_cursor
        assert len(pages) < MOST, "it does not end"
    rows = pa.Table.from_batches([page.records for page in pages], schema=SCHEMAS[asked.kind])
    if asked.kind == "trade" and source.capabilities.has_ids:
        ids = rows["trade_id"].to_pylist()
        assert len(set(ids)) == len(ids), "a trade came twice"
    return rows


def _check_page(source: Source, asked: PageRequest, page: Page) -> None:
    rows = page.records
    assert rows.schema == SCHEMAS[asked.kind], f"{rows.schema} is not that of `{asked.kind}`"
    assert page.complete_us <= max(asked.end_us, asked.start_us), "it is complete beyond the range"
    _only(rows, "instrument_id", asked.instrument.instrument_id)
    _only(rows, "source", source.id)
    if asked.kind == "quote":
        return  # a quote of now has the time of now
    at_us = _micros(rows, TIMES[asked.kind])
    assert np.all((at_us >= asked.start_us) & (at_us < asked.end_us)), "a record is out of range"
    if asked.kind == "bar":
        _check_bars(source, asked, rows, at_us)


def _check_bars(source: Source, asked: PageRequest, rows: pa.RecordBatch, at_us: Any) -> None:
    _only(rows, "interval", asked.interval)
    _only(rows, "adj", source.capabilities.adjusted)
    if not rows.num_rows or asked.interval is None:
        return
    every = interval(asked.interval)
    assert np.all(every.starts(at_us) == at_us), "a bar does not begin where its interval does"
    closed = np.asarray(arrow.to_numpy(rows["closed"]), bool)
    begun_us = at_us[closed]
    assert np.all(begun_us < asked.now_us), "a bar is closed before it begins"


def _only(rows: pa.RecordBatch, name: str, value: Any) -> None:
    found: Sequence[Any] = arrow.unique(rows[name]).to_pylist()
    assert not rows.num_rows or found == [value], f"`{name}` is {found}, not `{value}`"


def _micros(rows: pa.RecordBatch, name: str) -> Any:
    column = arrow.combine(rows[name])
    if pa.types.is_date32(column.type):
        column = arrow.cast(column, pa.timestamp("us"))
    return np.asarray(arrow.to_numpy(arrow.cast(column, pa.int64())), np.int64)
