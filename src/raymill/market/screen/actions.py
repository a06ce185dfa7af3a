"""Splits and dividends of instruments up to a moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.market.instrument import Instrument
from raymill.market.screen.columns import Numbers, to_numbers, to_words

DIVIDEND_DAYS = 365


@dataclass(frozen=True)
class Actions:
    """Actions in the order of their days; `instrument` is the place in the list of instruments."""

    instrument: NDArray[np.intp]
    day: Numbers  # since 1970
    kind: list[str | None]
    ratio: Numbers  # shares of now for one of before
    amount: Numbers
    currency: list[str | None]

    def of_kind(self, kind: str) -> NDArray[np.intp]:
        """Where actions of a kind stand."""
        return np.flatnonzero([one == kind for one in self.kind])


def read_actions(table: pa.Table | None, places: Mapping[int, int], until: float) -> Actions:
    """The actions of known instruments whose day is not after another."""
    if table is None:
        nothing = np.zeros(0)
        return Actions(nothing.astype(np.intp), nothing, [], nothing, nothing, [])
    ids: list[Any] = table["instrument_id"].to_pylist()
    day = to_numbers(arrow.combine(table["ex_date"]))
    kept = np.array([one in places for one in ids], bool) & (day <= until)
    order = np.flatnonzero(kept)[np.argsort(day[kept], kind="stable")]
    instrument = np.array([places[int(ids[at])] for at in order.tolist()], np.intp)
    return Actions(
        instrument,
        day[order],
        kind=_texts(table, "kind", order),
        ratio=to_numbers(arrow.combine(table["ratio"]))[order],
        amount=to_numbers(arrow.combine(table["amount"]))[order],
        currency=_texts(table, "currency", order),
    )


def _texts(table: pa.Table, name: str, order: NDArray[np.intp]) -> list[str | None]:
    words = to_words(arrow.dictionary_decode(arrow.combine(table[name])))
    return [words.words[code] if code >= 0 else None for code in words.codes[order].tolist()]


def split_factors(actions: Actions, last_day: Numbers) -> "Splits":
    """The splits that had taken effect at the last bar of their instrument."""
    at = actions.of_kind("split")
    at = at[(actions.day[at] <= last_day[actions.instrument[at]]) & (actions.ratio[at] > 0)]
    return Splits(actions.instrument[at], actions.day[at], actions.ratio[at])


@dataclass(frozen=True)
class Splits:
    """Splits in the order of their days."""

    instrument: NDArray[np.intp]
    day: Numbers
    ratio: Numbers

    def after(self, day: Numbers) -> Numbers:
        """How many shares of now one share was on a day, for each instrument."""
        found = np.ones(len(day))
        for instrument, when, ratio in zip(self.instrument, self.day, self.ratio, strict=True):
            if when > day[instrument]:
                found[instrument] *= ratio
        return found

    def since(self, instrument: int, day: float) -> float:
        """How many shares of now one share of an instrument was on a day."""
        return float(np.prod(self.ratio[(self.instrument == instrument) & (self.day > day)]))


def dividends(
    actions: Actions,
    splits: Splits,
    instruments: Sequence[Instrument],
    rates: Mapping[str, float],
    until: float,
) -> Numbers:
    """What a share of now paid in the last 365 days, in the currency of its price.

    Unknown where a currency has no rate, and of what has no action at all.
    """
    found = np.full(len(instruments), np.nan)
    found[actions.instrument] = 0.0
    for at in actions.of_kind("dividend").tolist():
        if actions.day[at] > until - DIVIDEND_DAYS:
            place = int(actions.instrument[at])
            rate = _rate(actions.currency[at], instruments[place], rates)
            shares = splits.since(place, actions.day[at])
            found[place] += actions.amount[at] * rate / shares
    return found


def _rate(currency: str | None, instrument: Instrument, rates: Mapping[str, float]) -> float:
    if currency is None or currency == instrument.currency:
        return instrument.price_scale
    own = rates.get(shown_currency(instrument.currency), np.nan)
    return rates.get(currency, np.nan) / own


def shown_currency(currency: str) -> str:
    """The currency that prices are shown in: pence are shown in pounds.

    >>> shown_currency("GBp"), shown_currency("USD")
    ('GBP', 'USD')
    """
    return _WHOLE.get(currency, currency)


_WHOLE = {"GBp": "GBP", "GBX": "GBP", "ZAc": "ZAR", "ILA": "ILS"}
