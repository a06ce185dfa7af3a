"""Does a strategy look ahead? What it decided may not depend on bars that came later."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from raymill.market.backtest import Path, backtest
from raymill.market.interval import Times
from raymill.market.prices import FIELDS, Prices
from raymill.market.strategy import Strategy, has_vector, time_of

CUTS = 20
Decided = dict[tuple[int, str], float]


@dataclass(frozen=True, slots=True)
class LooksAhead:
    """A decision that bars after it change."""

    path: str
    bar: int
    time: str
    symbol: str
    cut: int  # the first bar that was taken away
    field: str  # the column whose later values it depends on
    decided: float | None  # with the later bars
    alone: float | None  # without them

    def __str__(self) -> str:
        return (
            f"{self.symbol} at {self.time} (bar {self.bar}, {self.path}): decided "
            f"{_said(self.decided)} with later bars and {_said(self.alone)} without; depends on "
            f"{self.field} of bars from {self.cut} on"
        )


def _said(weight: float | None) -> str:
    return "nothing" if weight is None else f"{weight:g}"


def check_lookahead(
    strategy: Strategy,
    bars: Prices | Sequence[Prices],
    *,
    cuts: int = CUTS,
    seed: int = 0,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> list[LooksAhead]:
    """Run a strategy on bars cut at random places, and compare with the run over all of them.

    Every decision before a cut must be the same, on each path that the strategy has. The first
    difference of each cut is told, with the bar and the column that it depends on.
    """
    given = (bars,) if isinstance(bars, Prices) else tuple(bars)
    ts = np.unique(np.concatenate([one.ts for one in given]))
    rng = np.random.default_rng(seed)
    places = sorted(rng.choice(np.arange(1, len(ts)), min(cuts, len(ts) - 1), replace=False))
    paths: list[Path] = ["on_bar"]
    if len(given) == 1 and has_vector(strategy):
        paths.append("vector")
    found = []
    for at, path in enumerate(paths):
        whole = _decided(strategy, given, ts, path)
        for number, cut in enumerate(int(place) for place in places):
            wrong = _first_wrong(strategy, given, ts, path, cut, whole)
            found += [wrong] if wrong else []
            tell(at * len(places) + number + 1, len(paths) * len(places))
    return found


def _first_wrong(
    strategy: Strategy,
    bars: Sequence[Prices],
    ts: Times,
    path: Path,
    cut: int,
    whole: Decided,
) -> LooksAhead | None:
    cut_off = [one.part(0, int(np.searchsorted(one.ts, ts[cut]))) for one in bars]
    if not all(len(one) for one in cut_off):
        return None
    alone = _decided(strategy, cut_off, ts, path)
    key = _difference(whole, alone, cut)
    if key is None:
        return None
    bar, symbol = key
    field = next(
        (f"`{name}`" for name in FIELDS if _depends(strategy, bars, ts, path, cut, whole, name)),
        "the number",
    )
    time = time_of(int(ts[bar])).isoformat()
    decided, instead = whole.get(key), alone.get(key)
    return LooksAhead(path, bar, time, symbol, cut, field, decided, instead)


def _depends(
    strategy: Strategy,
    bars: Sequence[Prices],
    ts: Times,
    path: Path,
    cut: int,
    whole: Decided,
    name: str,
) -> bool:
    """Whether a decision before the cut changes with one column behind it."""
    changed = []
    for one in bars:
        column = getattr(one, name).copy()
        place = int(np.searchsorted(one.ts, ts[cut]))
        column[place:] *= np.linspace(1.5, 2.5, len(column) - place)
        changed.append(replace(one, **{name: column}))
    return _difference(whole, _decided(strategy, changed, ts, path), cut) is not None


def _decided(strategy: Strategy, bars: Sequence[Prices], ts: Times, path: Path) -> Decided:
    done = backtest(strategy, bars, path=path, per_year=1.0)
    places = {time: at for at, time in enumerate(ts.tolist())}
    return {(places[int(done.ts[one.bar])], one.symbol): one.weight for one in done.decisions}


def _difference(left: Decided, right: Decided, cut: int) -> tuple[int, str] | None:
    keys = sorted(key for key in left.keys() | right.keys() if key[0] < cut)
    return next((key for key in keys if left.get(key) != right.get(key)), None)
