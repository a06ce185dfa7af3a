"""The compiled path: targets in, an account out, one pass over the columns.

Most bars change nothing: they are passed in short loops whose numbers stay in registers, `_rest`
and `_hold`. What they add up lies in arrays in between, by the places that the enums name.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from raymill.compiled import bare, inline
from raymill.compiled.memory import fetch
from raymill.market.costs import Rules, fill
from raymill.market.prices import Numbers


class Sum(IntEnum):
    """What a pass adds up, as places in its row of sums."""

    FINAL = 0  # equity at the last close
    RETURNS = 1  # sum of returns
    SQUARES = 2  # of their squares
    DOWN = 3  # of the squares of those below 0
    DRAWDOWN = 4  # the deepest, 0 or below
    EQUITY = 5  # sum of the equity of all bars
    TRADED = 6  # notional, both sides
    FEES = 7
    SLIPPAGE = 8
    BORROW = 9
    INVESTED = 10  # bars with a position
    FILLS = 11
    LEFT_OUT = 12  # orders below the least notional
    CLOSED = 13  # round trips
    WINS = 14


class Now(IntEnum):
    """The account between two bars, as places in an array."""

    CASH = 0
    UNITS = 1
    WANT = 2  # the last target
    PENDING = 3  # 1 where it is to be traded at the next open
    LAST = 4  # equity at the last close
    PEAK = 5
    FLOOR = 6  # 1 and the deepest drawdown
    TRIP = 7  # profit of the round trip that is open


AHEAD = 16  # bars whose opens are fetched before it is known whether they are traded at
SUMS, PLACES = len(Sum), len(Now)
FILL_COLUMNS = ("bar", "quantity", "price", "fee", "slippage")


@inline
def _rest(
    i: int, targets: Numbers, open: Numbers, now: Numbers, sums: Numbers, equity: Numbers
) -> int:
    """Pass bars without a position up to the next decision, and the bar of that one."""
    want, last, begin = now[Now.WANT], now[Now.LAST], i
    keeps = len(equity) > 0
    while i < len(targets):
        aim = targets[i]
        if keeps:
            equity[i] = last
        fetch(open, i + AHEAD)
        i += 1
        if aim != want and aim == aim:
            now[Now.WANT], now[Now.PENDING] = aim, 1.0
            break
    sums[Sum.EQUITY] += (i - begin) * last
    return i


@inline
def _hold(
    i: int,
    end: int,
    targets: Numbers,
    open: Numbers,
    close: Numbers,
    now: Numbers,
    sums: Numbers,
    equity: Numbers,
) -> int:
    """Mark bars up to the next decision and the bar of that one, or to where all is lost."""
    cash, units, want = now[Now.CASH], now[Now.UNITS], now[Now.WANT]
    last, peak, floor = now[Now.LAST], now[Now.PEAK], now[Now.FLOOR]
    total = squares = down = marks = 0.0
    keeps, begin = len(equity) > 0, i
    while i < end:
        worth = cash + units * close[i]
        if not worth > 0.0:
            break
        move = worth / last - 1.0
        loss = min(move, 0.0)  # no branch: it would be guessed wrong half of the time
        total += move
        squares += move * move
        down += loss * loss
        marks += worth
        last = worth
        peak = max(peak, worth)
        if worth < peak * floor:
            floor = worth / peak
        if keeps:
            equity[i] = worth
        aim = targets[i]
        fetch(open, i + AHEAD)
        i += 1
        if aim != want and aim == aim:
            now[Now.WANT], now[Now.PENDING] = aim, 1.0
            break
    now[Now.LAST], now[Now.PEAK], now[Now.FLOOR] = last, peak, floor
    sums[Sum.RETURNS] += total
    sums[Sum.SQUARES] += squares
    sums[Sum.DOWN] += down
    sums[Sum.EQUITY] += marks
    if units != 0.0:
        sums[Sum.INVESTED] += i - begin
    return i


@inline
def _note(
    i: int,
    quantity: float,
    price: float,
    fee: float,
    slip: float,
    sums: Numbers,
    fills: NDArray[np.float64],
) -> None:
    """Count a fill, and write it down while there is room."""
    at = int(sums[Sum.FILLS])
    if at < len(fills):
        fills[at, 0] = i
        fills[at, 1] = quantity
        fills[at, 2] = price
        fills[at, 3] = fee
        fills[at, 4] = slip
    sums[Sum.FILLS] += 1.0
    sums[Sum.TRADED] += abs(quantity) * price
    sums[Sum.FEES] += fee
    sums[Sum.SLIPPAGE] += slip


@inline
def _close_trip(profit: float, sums: Numbers) -> None:
    sums[Sum.CLOSED] += 1.0
    if profit > 0.0:
        sums[Sum.WINS] += 1.0


@inline
def _trade(
    i: int,
    open: Numbers,
    volume: Numbers,
    rules: Rules,
    now: Numbers,
    sums: Numbers,
    fills: NDArray[np.float64],
) -> None:
    """Trade towards the last target at the open of a bar."""
    held = now[Now.UNITS]
    is_measured = rules.volume_share > 0.0 or rules.impact > 0.0
    cash, units, quantity, price, fee, slip, waits, missed = fill(
        now[Now.CASH] + held * open[i],
        now[Now.CASH],
        held,
        now[Now.WANT],
        open[i],
        volume[i] if is_measured else 0.0,  # a look into memory that nothing has read before
        rules,
    )
    now[Now.PENDING] = waits
    sums[Sum.LEFT_OUT] += missed
    if quantity == 0.0:
        return
    now[Now.CASH], now[Now.UNITS] = cash, units
    _note(i, quantity, price, fee, slip, sums, fills)
    if held == 0.0:
        now[Now.TRIP] = -units * price - fee
    elif held * units > 0.0:
        now[Now.TRIP] -= quantity * price + fee
    else:  # closed, and what is over opens the other side
        share = abs(units / quantity)
        _close_trip(now[Now.TRIP] - (-held * price + (1.0 - share) * fee), sums)
        now[Now.TRIP] = -units * price - share * fee


@inline
def _charge(price: float, borrow: float, now: Numbers, sums: Numbers) -> None:
    """Pay for what is borrowed to be short."""
    charge = borrow * -now[Now.UNITS] * price
    now[Now.CASH] -= charge
    now[Now.TRIP] -= charge
    sums[Sum.BORROW] += charge


@inline
def _lose(
    i: int,
    price: float,
    now: Numbers,
    sums: Numbers,
    equity: Numbers,
    fills: NDArray[np.float64],
) -> None:
    """Nothing is left: the position is closed at this close, and the debt let go."""
    units = now[Now.UNITS]
    if units != 0.0:
        _note(i, -units, price, 0.0, 0.0, sums, fills)
        _close_trip(now[Now.TRIP] + units * price, sums)
    sums[Sum.RETURNS] -= 1.0
    sums[Sum.SQUARES] += 1.0
    sums[Sum.DOWN] += 1.0
    now[Now.FLOOR] = now[Now.LAST] = 0.0
    for j in range(i, len(equity)):
        equity[j] = 0.0


@bare
def simulate(
    targets: Numbers,
    open: Numbers,
    close: Numbers,
    volume: Numbers,
    cash: float,
    rules: Rules,
    borrow: float,
    equity: Numbers,
    fills: NDArray[np.float64],
    sums: Numbers,
    now: Numbers,
) -> None:
    """Follow targets: decided on the close of a bar, filled at the open of the next.

    A target that is NaN or equal to the last one changes nothing. `equity` and `fills` are filled
    as far as they reach (both may be empty); `sums` and `now`, the account at the end, always.
    """
    sums[:] = 0.0
    now[:] = 0.0
    now[Now.CASH] = now[Now.LAST] = now[Now.PEAK] = cash
    now[Now.FLOOR] = 1.0
    i = 0
    while i < len(targets):
        if now[Now.PENDING] > 0.0:
            _trade(i, open, volume, rules, now, sums, fills)
        elif now[Now.UNITS] == 0.0:
            i = _rest(i, targets, open, now, sums, equity)
            continue
        pays = borrow > 0.0 and now[Now.UNITS] < 0.0
        if pays:
            _charge(close[i], borrow, now, sums)
        is_alone = pays or now[Now.PENDING] > 0.0 or now[Now.UNITS] == 0.0
        end = i + 1 if is_alone else len(targets)
        after = _hold(i, end, targets, open, close, now, sums, equity)
        if after == i:
            _lose(i, close[i], now, sums, equity, fills)
            break
        i = after
    sums[Sum.FINAL] = now[Now.LAST]
    sums[Sum.DRAWDOWN] = now[Now.FLOOR] - 1.0
