"""The compiled path: targets in, an account out, one pass over the columns."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from raymill.compiled import kernel
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


SUMS = len(Sum)
FILL_COLUMNS = ("bar", "quantity", "price", "fee", "slippage")


@kernel
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
) -> None:
    """Follow targets: decided on the close of a bar, filled at the open of the next.

    A target that is NaN or equal to the last one changes nothing. `equity` and `fills` are filled
    as far as they reach (both may be empty); `sums` always.
    """
    units = 0.0
    want = 0.0
    pending = False
    last = cash
    peak = cash
    floor = 1.0
    trip = 0.0  # profit of the round trip that is open
    total = squares = down = marks = traded = fees = slippage = borrowed = 0.0
    invested = count = left_out = closed = wins = 0
    keeps = len(equity) > 0
    for i in range(len(targets)):
        moved = False
        if pending:
            held = units
            cash, units, quantity, price, fee, slip, waits, missed = fill(
                cash + units * open[i], cash, units, want, open[i], volume[i], rules
            )
            pending = waits > 0.0
            left_out += int(missed)
            if quantity != 0.0:
                moved = True
                if count < len(fills):
                    fills[count, 0] = i
                    fills[count, 1] = quantity
                    fills[count, 2] = price
                    fills[count, 3] = fee
                    fills[count, 4] = slip
                count += 1
                traded += abs(quantity) * price
                fees += fee
                slippage += slip
                if held == 0.0:
                    trip = -units * price - fee
                elif held * units > 0.0:
                    trip -= quantity * price + fee
                else:  # closed, and what is over opens the other side
                    share = abs(units / quantity)
                    trip -= -held * price + (1.0 - share) * fee
                    closed += 1
                    wins += trip > 0.0
                    trip = -units * price - share * fee
        if units < 0.0 and borrow > 0.0:
            charge = borrow * -units * close[i]
            cash -= charge
            borrowed += charge
            trip -= charge
            moved = True
        if moved or units != 0.0:
            now = cash + units * close[i]
            if now <= 0.0:  # nothing is left: the position is closed here, and the debt let go
                if units != 0.0:
                    if count < len(fills):
                        fills[count, 0] = i
                        fills[count, 1] = -units
                        fills[count, 2] = close[i]
                        fills[count, 3:] = 0.0
                    count += 1
                    traded += abs(units) * close[i]
                    closed += 1
                    wins += trip + units * close[i] > 0.0
                total -= 1.0
                squares += 1.0
                down += 1.0
                floor = 0.0
                last = 0.0
                for j in range(i, len(equity)):
                    equity[j] = 0.0
                break
            change = now / last - 1.0
            total += change
            squares += change * change
            low = min(change, 0.0)  # no branch: it would be guessed wrong half of the time
            down += low * low
            last = now
            peak = max(peak, now)
            if now < peak * floor:
                floor = now / peak
            if units != 0.0:
                invested += 1
        marks += last
        if keeps:
            equity[i] = last
        aim = targets[i]
        if aim != want and aim == aim:
            want = aim
            pending = True
    sums[0] = last
    sums[1] = total
    sums[2] = squares
    sums[3] = down
    sums[4] = floor - 1.0
    sums[5] = marks
    sums[6] = traded
    sums[7] = fees
    sums[8] = slippage
    sums[9] = borrowed
    sums[10] = invested
    sums[11] = count
    sums[12] = left_out
    sums[13] = closed
    sums[14] = wins
