"""Fills, and the round trips that they make: from flat to flat, or to the other side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from raymill.market.prices import Numbers


class Filled(NamedTuple):
    """An order that was filled: at the open of a bar, by its place in the run."""

    bar: int
    symbol: str
    quantity: float  # bought, or sold where below 0
    price: float
    fee: float
    slippage: float

    @property
    def notional(self) -> float:
        """What was traded, in money."""
        return abs(self.quantity) * self.price


@dataclass(frozen=True, slots=True)
class Trip:
    """A closed round trip; `profit` is net of fees, slippage and borrow."""

    symbol: str
    side: int  # 1 long, -1 short
    opened: int  # bars, by place in the run
    closed: int
    quantity: float  # the most that was held
    entry: float  # mean price
    exit: float
    profit: float
    fees: float
    share: float  # profit over what was paid, or taken in, to enter

    @property
    def bars(self) -> int:
        """How many bars it was held."""
        return self.closed - self.opened


@dataclass(slots=True)
class _Open:
    units: float
    opened: int
    most: float
    bought: float  # notional of the fills that enlarged it
    bought_units: float
    sold: float
    sold_units: float
    cash: float  # what came in less what went out
    fees: float


def round_trips(
    fills: Iterable[Filled], closes: Mapping[str, Numbers], borrow: float = 0.0
) -> list[Trip]:
    """Put fills together to closed round trips; a position that is open at the end makes none.

    `closes` are the closes of each instrument by bar of the run, and `borrow` the cost of a short
    for each bar: it is charged on the close.
    """
    sums = {symbol: np.append(0.0, np.cumsum(column)) for symbol, column in closes.items()}
    open_: dict[str, _Open] = {}
    held_since: dict[str, int] = {}
    done: list[Trip] = []
    for one in fills:
        now = open_.get(one.symbol)
        if now is not None and borrow and now.units < 0:
            total = sums[one.symbol]
            charged = total[one.bar] - total[held_since[one.symbol]]
            now.cash -= borrow * -now.units * float(charged)
        held_since[one.symbol] = one.bar
        if now is None:
            open_[one.symbol] = _entered(one, one.quantity, one.fee)
            continue
        after = now.units + one.quantity
        if after * now.units > 0:
            _change(now, one, one.quantity, one.fee)
            continue
        share = abs(after / one.quantity)
        _change(now, one, -now.units, (1 - share) * one.fee)
        done.append(_trip(now, one))
        del open_[one.symbol]
        if after:
            open_[one.symbol] = _entered(one, after, share * one.fee)
    return done


def _entered(one: Filled, units: float, fee: float) -> _Open:
    notional = abs(units) * one.price
    flow = -units * one.price - fee
    return _Open(units, one.bar, abs(units), notional, abs(units), 0.0, 0.0, flow, fee)


def _change(now: _Open, one: Filled, quantity: float, fee: float) -> None:
    if quantity * now.units > 0:
        now.bought += abs(quantity) * one.price
        now.bought_units += abs(quantity)
    else:
        now.sold += abs(quantity) * one.price
        now.sold_units += abs(quantity)
    now.units += quantity
    now.most = max(now.most, abs(now.units))
    now.cash -= quantity * one.price + fee
    now.fees += fee


def _trip(now: _Open, last: Filled) -> Trip:
    side = 1 if last.quantity < 0 else -1
    return Trip(
        last.symbol,
        side,
        now.opened,
        last.bar,
        now.most,
        now.bought / now.bought_units,
        now.sold / now.sold_units,
        now.cash,
        now.fees,
        now.cash / now.bought,
    )
