"""Strategies for sweeps that leave this process; workers find them here."""

import os
import signal
from dataclasses import dataclass
from typing import Any

import numpy as np

from raymill.market.prices import COLUMNS, Prices
from raymill.market.strategies.sma_cross import SmaCross
from raymill.market.strategy import Strategy


@dataclass
class Slow(SmaCross):
    """The same without a path over columns."""

    vector = Strategy.vector


@dataclass
class Deadly(Slow):
    """Kills its process at one of its sets: once for each file that can be made."""

    at: int = 5
    files: str = ""

    def on_bar(self, ctx: Any, bars: Any) -> Any:
        """Decide as the other does, if it lives."""
        if self.fast == self.at and self.files:
            for name in self.files.split(","):
                try:
                    os.close(os.open(name, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    continue
                os.kill(os.getpid(), signal.SIGKILL)
        return super().on_bar(ctx, bars)


@dataclass
class Failing(Slow):
    """Raises an error at one of its sets."""

    def on_bar(self, ctx: Any, bars: Any) -> Any:
        """Decide as the other does, or fail."""
        if self.fast == 7:
            raise LookupError("no seven")
        return super().on_bar(ctx, bars)


def is_shared(bars: Prices, _: int) -> list[bool]:
    """Whether columns are memory of one's own, or can be written to."""
    columns = [getattr(bars, name) for name in COLUMNS]
    flags = [(_root(column).flags.owndata, column.flags.writeable) for column in columns]
    return [flag for both in flags for flag in both]


def _root(column: np.ndarray) -> np.ndarray:
    while isinstance(column.base, np.ndarray):
        column = column.base
    return column
