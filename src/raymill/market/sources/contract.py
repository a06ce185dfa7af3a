"""What a source of market data is. An adapter only translates between a vendor and our records.

It does not retry, sleep, store or look at a clock: what asks for it does, once for all vendors. So
every adapter is tested on recorded answers. Times are microseconds since 1970, UTC.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

import pyarrow as pa

from raymill.errors import InputError, RaymillError, SourceError
from raymill.market.instrument import Instrument
from raymill.market.schemas import Adjusted, Kind
from raymill.net import Answer, Head, Request, Verdict
from raymill.net.verdict import Kind as Outcome

T = TypeVar("T")

Fault: TypeAlias = Literal[
    "permanent",  # refused for good; other requests may work
    "unknown_symbol",  # the vendor has no such instrument
    "range_too_long",  # ask for half of it
    "auth_refresh",  # a session is over: `authorise`, then once more
    "rate_limited",  # everybody waits
    "banned",  # nobody asks this vendor anything before the given time
    "daily_quota",  # nothing more today
    "transient",  # try again
    "empty",  # no data, said in the words of an error
    "clock",  # our clock is wrong: look at the vendor's, then once more
]
_OUTCOMES: dict[Fault, Outcome] = {
    "permanent": "permanent",
    "unknown_symbol": "permanent",
    "range_too_long": "permanent",
    "auth_refresh": "permanent",
    "rate_limited": "limited",
    "banned": "blocked",
    "daily_quota": "blocked",
    "transient": "transient",
    "empty": "ok",
    "clock": "permanent",
}


def verdict(fault: Fault, reason: str, wait_s: float | None = None) -> Verdict:
    """What an answer means to the transport, if it is a fault of this class.

    >>> verdict("banned", "418", 120.0)
    Verdict(kind='blocked', wait_s=120.0, reason='418', fault='banned')
    """
    return Verdict(_OUTCOMES[fault], wait_s, reason, fault)


def refusal(fault: Fault, message: str, hint: str | None = None, **details: Any) -> RaymillError:
    """The error of a fault, for adapters that find one in the body of an answer."""
    is_final = _OUTCOMES[fault] == "permanent"
    kind = InputError if is_final else SourceError
    return kind(message, hint=hint, fault=fault, **details)


def fault_of(error: RaymillError) -> Fault | None:
    """Which class of fault an error is of, None where it says none."""
    found: Fault | None = error.details.get("fault")
    return found if found in _OUTCOMES else None


@dataclass(frozen=True, slots=True)
class LimitRule:
    """How much may be asked in a time, by one address or key.

    name: the same rule of the same vendor has the same name in every process.
    per: `span` holds in any span of `per_s`, requests then lie evenly; `day` counts the days of
    `zone`.
    counts: whether a request counts by its weight or as one.
    heaviest: the largest weight of a request.
    """

    name: str
    count: float
    per_s: float = 1.0
    per: Literal["span", "day"] = "span"
    counts: Literal["weight", "requests"] = "requests"
    zone: str = "UTC"
    heaviest: float = 1.0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source can be asked for.

    intervals: those of its bars, as `market.interval` names them.
    page_rows: the most records of a page, by kind.
    span_us: the longest range of one request, by interval (by kind where there is no interval).
    back_us: how far the past reaches, counted from now, in the same way.
    adjusted: how its bars are adjusted.
    has_ids: its trades are numbered without gaps.
    lists: it can name all its instruments; else they are asked for by symbol.
    streaming: live data; `polled` where that is made by asking again and again, `replayed` where
    stored records come as if they were live.
    """

    kinds: tuple[Kind, ...]
    intervals: tuple[str, ...] = ()
    page_rows: Mapping[str, int] = field(default_factory=dict)
    span_us: Mapping[str, int] = field(default_factory=dict)
    back_us: Mapping[str, int] = field(default_factory=dict)
    adjusted: Adjusted = "raw"
    has_ids: bool = False
    lists: bool = False
    needs_key: bool = False
    streaming: Literal["no", "yes", "polled", "replayed"] = "no"
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One question: records of an instrument in [start, end), or behind a cursor.

    now_us: the time at the vendor; a bar that has not ended by then is open.
    limit: the most records; 0 takes as many as the vendor gives.
    """

    instrument: Instrument
    kind: Kind
    start_us: int
    end_us: int
    now_us: int
    interval: str | None = None
    cursor: str | None = None
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What one question gave.

    records: rows of the schema of the kind that was asked for, in [start, end).
    next_cursor: where the next page goes on, None behind the last.
    complete_us: up to when, from the start of the request, everything is known now.
    weight: what the vendor says that it cost.
    sha256: of the body as it came.
    also: records of other kinds that came along.
    listed_us: where the records of this instrument begin, if the answer says so.
    is_sure: the range is known although no record lies in it, as later ones came.
    """

    records: pa.RecordBatch
    next_cursor: str | None
    complete_us: int
    weight: float = 1.0
    sha256: str = ""
    also: Mapping[Kind, pa.RecordBatch] = field(default_factory=dict)
    listed_us: int | None = None
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Instruments of a vendor, and the limits that it states itself."""

    instruments: Sequence[Instrument]
    limits: Sequence[LimitRule] = ()


class Fetch(Protocol):
    """The way out to one vendor: permits, tries and breaker are behind it."""

    def __call__(self, request: Request, *, weight: float = 1.0) -> Answer:
        """Ask. Raises SourceError, InputError; their details name the `fault`."""

    def through(self, name: str, work: Callable[[], T], *, weight: float = 1.0) -> T:
        """Do the request of somebody else's client under the same limits.

        name: what is asked for, as it stands in messages; `work` raises what `refusal` makes.
        """


class Source(Protocol):
    """A vendor of market data. `raymill.market_sources` registers what makes one."""

    id: str
    capabilities: Capabilities
    limits: Sequence[LimitRule]

    def judge(self, head: Head, now: float) -> Verdict:
        """What an answer means, as `verdict` makes it; `now` in seconds since 1970."""

    def used(self, head: Head) -> Mapping[str, float]:
        """How much of which limits the vendor says is used up."""

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """The instruments of these symbols, ours or the vendor's; all of them where it lists them.

        What it does not know is left out.
        """

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """Ask for one page: one request to the vendor."""


class Authorised(Protocol):
    """A source whose sessions end."""

    def authorise(self, fetch: Fetch) -> None:
        """Begin a new session."""


@runtime_checkable
class Newest(Protocol):
    """A source that tells the newest trades without being told a time."""

    def newest(self, asked: PageRequest, fetch: Fetch) -> Page:
        """The newest trades, `limit` of them at most; its cursor goes on with those before.

        All trades between the first and the last one are in it.
        """


@dataclass(frozen=True, slots=True)
class Subscription:
    """Live records of a kind, of one instrument."""

    instrument: Instrument
    kind: Kind
    interval: str | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """Live records of one kind, as a frame brought them.

    first_id, last_id: the numbers of the records, by which gaps are told; None without numbers.
    """

    kind: str
    records: pa.RecordBatch
    instrument_id: int
    first_id: int | None = None
    last_id: int | None = None


class Streaming(Protocol):
    """The words of a vendor's live connection: translation alone, without a connection."""

    def stream_url(self, subscriptions: Sequence[Subscription]) -> str:
        """Where to connect for these."""

    def stream_name(self, subscription: Subscription) -> str:
        """What the vendor calls a stream."""

    def subscribe(self, names: Sequence[str], number: int) -> bytes:
        """The message that asks for streams."""

    def unsubscribe(self, names: Sequence[str], number: int) -> bytes:
        """The message that gives streams up."""

    def read(self, frame: bytes, recv_us: int) -> Sequence[Live]:
        """The records of a frame; none where it brings none."""
