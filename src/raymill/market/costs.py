"""What trading costs, and the one rule by which a target becomes a trade.

`fill` is plain Python; the compiled path compiles the same lines.
"""

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

from raymill.compiled import kernel
from raymill.errors import ConfigError

BPS = 1e-4


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs and rules of fills; all are 0 unless given, which flatters a strategy.

    A fill pays `slippage_bps`, half of `spread_bps`, and `impact` times the root of the order's
    share of the bar's volume. An order takes at most `volume_share` of the bar's volume, the rest
    waits for the next bar. Units are cut to multiples of `step_size`, and an order below
    `min_notional` is left out and counted.
    """

    fee_bps: float = 0.0  # of the notional, on both sides
    fee_fixed: float = 0.0  # for each order, in money
    slippage_bps: float = 0.0
    spread_bps: float = 0.0
    impact: float = 0.0
    volume_share: float = 0.0
    borrow: float = 0.0  # a year, on the value of shorts
    step_size: float = 0.0
    min_notional: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not (0 <= value < math.inf):
                raise ConfigError(f"`{one.name}` cannot be {value}", hint="give 0 or more")

    @property
    def rules(self) -> "Rules":
        """The numbers as `fill` wants them."""
        half = (self.slippage_bps + self.spread_bps / 2) * BPS
        lots = (self.step_size, self.min_notional)
        shares = (self.fee_bps * BPS, self.fee_fixed, half, self.impact, self.volume_share)
        return Rules(*(float(number) for number in (*shares, *lots)))


class Rules(NamedTuple):
    """Costs as shares of the notional; all floats."""

    fee: float
    fixed: float
    slip: float
    impact: float
    volume_share: float
    step_size: float
    min_notional: float


class Fill(NamedTuple):
    """What came of an order: the account behind it, and what was traded."""

    cash: float
    units: float
    quantity: float  # bought, or sold where below 0
    price: float
    fee: float
    slippage: float
    waits: float  # 1 where the order goes on at the next bar
    left_out: float  # 1 where it was below the least notional


@kernel
def fill(
    equity: float,
    cash: float,
    units: float,
    weight: float,
    open: float,
    volume: float,
    rules: Rules,
) -> tuple[float, float, float, float, float, float, float, float]:
    """Trade towards a weight of equity at the open: cash * w / (price * (1 + fee)) from cash alone.

    A position whose sign turns is closed and opened by one order; what closing it costs is taken
    off the equity that the new one is sized by.
    """
    fee, fixed, slip, impact, share, step, least = rules
    money = equity
    if units * weight < 0.0:
        away = open * (1.0 - slip) if units > 0.0 else open * (1.0 + slip)
        money -= abs(units) * (abs(open - away) + fee * away)
    if weight != 0.0:
        money -= fixed
    if money <= 0.0:
        weight = 0.0
    waits = 0.0
    against = slip
    wanted = 0.0
    quantity = 0.0
    for _ in range(2 if impact > 0.0 else 1):
        wanted = weight * money / (open * (1.0 + against) * (1.0 + fee)) if weight != 0.0 else 0.0
        if step > 0.0:
            steps = abs(wanted) / step + 1e-9
            size = (steps - steps % 1.0) * step  # floor, for any size
            wanted = size if wanted > 0.0 else -size
        quantity = wanted - units
        waits = 0.0
        if share > 0.0 and abs(quantity) > share * volume:
            quantity = share * volume if quantity > 0.0 else -share * volume
            waits = 1.0
        if impact > 0.0 and quantity != 0.0:
            if volume <= 0.0:
                return cash, units, 0.0, open, 0.0, 0.0, 1.0, 0.0
            against = min(slip + impact * math.sqrt(abs(quantity) / volume), 0.99)
    if quantity == 0.0:
        return cash, units, 0.0, open, 0.0, 0.0, waits, 0.0
    price = open * (1.0 + against) if quantity > 0.0 else open * (1.0 - against)
    if abs(quantity) * price < least:
        return cash, units, 0.0, open, 0.0, 0.0, 0.0, 1.0
    paid = fee * abs(quantity) * price + fixed
    return (
        cash - quantity * price - paid,
        units + quantity,
        quantity,
        price,
        paid,
        abs(quantity) * abs(price - open),
        waits,
        0.0,
    )
