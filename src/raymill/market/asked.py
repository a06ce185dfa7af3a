"""What a crawl is asked for, whether a source has it, and when it is traded at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from raymill.errors import ConfigError, InputError, unknown
from raymill.market.calendar import EveryDay, calendar
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US, interval
from raymill.market.moments import micros, moment
from raymill.market.notes import Series
from raymill.market.schemas import Kind
from raymill.market.sources.contract import Capabilities, Source

_WRITTEN = ("source", "symbol", "kind", "interval", "start", "end")
LAST_US = 7_258_118_400_000_000  # 2200-01-01: up to now, whenever that is


@dataclass(frozen=True, slots=True)
class Asked:
    """What a crawl completes: records of an instrument from a source, in [begin, end)."""

    source: str
    instrument_id: int
    kind: Kind
    begin_us: int
    end_us: int
    interval: str | None = None

    @property
    def series(self) -> Series:
        """Whose coverage it extends."""
        return Series(self.instrument_id, self.kind, self.interval, self.source)


def asked_of(given: Mapping[str, Any], named: Callable[[str, str], Instrument]) -> Asked:
    """What a run was started with: numbers, or as people write it (`symbol`, `start`, `end`).

    named: finds the instrument of a source and a symbol. Without an `end` it goes on up to now.
    Raises ConfigError, UnknownName.
    """
    wrong = set(given) - {*Asked.__dataclass_fields__, "symbol", "start", "end"}
    if wrong:
        raise unknown("field of a crawl:", wrong.pop(), [*Asked.__dataclass_fields__, *_WRITTEN])
    numbers = {name: given[name] for name in Asked.__dataclass_fields__ if name in given}
    numbers.setdefault("kind", "bar")
    if numbers["kind"] == "bar":
        numbers["interval"] = interval(numbers.get("interval") or "1d").name
    if "begin_us" not in numbers:
        numbers["begin_us"] = micros(_text(given, "start"), "start")
    if "end_us" not in numbers:
        numbers["end_us"] = micros(given["end"], "end") if given.get("end") else LAST_US
    if "instrument_id" not in numbers:
        one = named(_text(given, "source"), _text(given, "symbol"))
        numbers["instrument_id"] = one.instrument_id
    return Asked(**numbers)


def _text(given: Mapping[str, Any], name: str) -> str:
    found = given.get(name)
    if not isinstance(found, str):
        raise ConfigError(f"A crawl needs `{name}`", hint=f"it takes {', '.join(_WRITTEN)}")
    return found


def check_asked(source: Source, asked: Asked) -> None:
    """Raise ConfigError where a source has no such records."""
    able = source.capabilities
    if asked.kind not in able.kinds:
        raise ConfigError(
            f"Source `{source.id}` has no `{asked.kind}`", hint=f"it has {', '.join(able.kinds)}"
        )
    if asked.kind == "bar" and asked.interval not in able.intervals:
        raise ConfigError(
            f"Source `{source.id}` has no bars of `{asked.interval}`",
            hint=f"it has {', '.join(able.intervals)}",
        )
    if asked.begin_us >= asked.end_us:
        raise ConfigError(
            f"The range ends at {moment(asked.end_us)}, which is not behind its beginning "
            f"{moment(asked.begin_us)}"
        )


def reach(able: Capabilities, asked: Asked, now_us: int) -> int:
    """Where the range begins that a source still has. Raises InputError where it has none of it."""
    name = asked.interval or asked.kind
    back_us = able.back_us.get(name, 0)
    begin_us = max(asked.begin_us, now_us - back_us) if back_us else asked.begin_us
    if begin_us >= asked.end_us:
        raise InputError(
            f"Source `{asked.source}` has `{name}` of the last {back_us / DAY_US:g} days alone, "
            f"and the range ends at {moment(asked.end_us)}"
        )
    return begin_us


def longest(able: Capabilities, asked: Asked) -> int:
    """The longest range that a source takes at once, 0 for any."""
    return able.span_us.get(asked.interval or asked.kind, 0)


def is_traded(instrument: Instrument, asked: Asked, begin_us: int, end_us: int) -> bool:
    """Whether anything was traded in a range, as far as the calendar tells: nights, weekends and
    holidays are no holes.

    >>> from datetime import datetime, UTC
    >>> one = Instrument("AAPL", "yahoo_finance", "AAPL", "equity", "USD", calendar="XNYS")
    >>> days = Asked("yahoo_finance", 1, "bar", 0, 1, "1d")
    >>> saturday = int(datetime(2020, 1, 4, tzinfo=UTC).timestamp()) * 1_000_000
    >>> is_traded(one, days, saturday, saturday + 2 * DAY_US)
    False
    """
    found = calendar(instrument.calendar)
    if isinstance(found, EveryDay):
        days = range(begin_us // DAY_US, -(-end_us // DAY_US))
        return not found.weekdays_only or len(days) > 2 or any((d + 3) % 7 < 5 for d in days)
    length_us = interval(asked.interval).length_us if asked.interval else 1
    if length_us == 0 or length_us > DAY_US or not len(found.days):
        return True
    if length_us == DAY_US:  # a bar is named after its day
        opens = found.days.astype(np.int64) * DAY_US
        closes = opens + 1
    else:
        opens, closes = found.opens, found.closes
    if not opens[0] <= begin_us < end_us <= closes[-1]:
        return True  # the table does not reach
    return bool(np.any((opens < end_us) & (closes > begin_us)))
