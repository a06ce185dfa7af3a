"""A strategy that is warmed up on bars before those that count."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from raymill.market.prices import Numbers, Prices
from raymill.market.strategy import Bar, Context, Strategy, Targets, has_vector, renewed


@dataclass
class Muted(Strategy):
    """Another strategy whose decisions on the first bars are not followed."""

    instruments: ClassVar[int | None] = None

    inner: Strategy
    bars: int

    def __post_init__(self) -> None:
        self.inner = renewed(self.inner)
        self._left = self.bars

    @property
    def history(self) -> int:
        """That of the other one."""
        return self.inner.history

    def check(self) -> None:
        """Check the other one."""
        self.inner.check()

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> Targets | None:
        """Let it decide, and forget what it decided on bars that do not count."""
        decided = self.inner.on_bar(ctx, bars)
        if self._left:
            self._left -= 1
            ctx.again = False
            return None
        return decided


@dataclass
class MutedColumns(Muted):
    """The same for a strategy with a path over columns."""

    def vector(self, bars: Prices, out: Numbers) -> None:
        """Let it decide, and forget what it decided on bars that do not count."""
        self.inner.vector(bars, out)
        out[: self.bars] = np.nan


def muted(strategy: Strategy, bars: int) -> Muted:
    """A strategy whose decisions on the first bars are not followed."""
    return (MutedColumns if has_vector(strategy) else Muted)(strategy, bars)
