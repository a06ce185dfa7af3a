"""Walk-forward: parameters are chosen on some bars, and judged on later ones that nobody has seen.

Between the two lies an embargo as long as the longest window, so that no window of the later bars
reaches into the earlier ones. Its bars only warm strategies up.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from raymill.errors import ConfigError
from raymill.flow.batches import Stop
from raymill.market.backtest import Result
from raymill.market.metrics import Basics, basics, returns_of
from raymill.market.prices import Prices
from raymill.market.sweep.beyond import Beyond
from raymill.market.sweep.chunk import Job, run_one
from raymill.market.sweep.kept import Kept
from raymill.market.sweep.run import Sweep, Tell, sweep
from raymill.market.sweep.space import Sets

FEWEST = 2  # bars that something can be said of
Keep: TypeAlias = Callable[[int, Job], Kept]


@dataclass(frozen=True, slots=True)
class Fold:
    """Which bars, from one place up to another, parameters are chosen and judged on."""

    train: tuple[int, int]
    test: tuple[int, int]


@dataclass(frozen=True)
class Judged:
    """A set that was chosen on a fold's earlier bars, and what it did on the later ones."""

    fold: Fold
    place: int
    parameters: dict[str, Any]
    train: dict[str, float]
    test: Basics
    result: Result
    warm_up: int  # bars at the beginning of `result` that do not count

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "train_bars": list(self.fold.train),
            "test_bars": list(self.fold.test),
            "parameters": self.parameters,
            "train": self.train,
            "test": asdict(self.test),
        }


@dataclass(frozen=True)
class Walk:
    """All folds, and their later bars put one behind the other."""

    judged: tuple[Judged, ...]
    together: Basics
    embargo: int


def embargo_of(sets: Sets) -> int:
    """The longest window of all sets."""
    return max(int(sets.strategy(at).history) for at in range(len(sets)))


def folds(count: int, number: int, embargo: int, share: float, anchored: bool) -> list[Fold]:
    """Cut bars into folds: the first `share` of them is chosen on, the rest is judged on, in parts.

    The bars that are chosen on move along with the parts, or all begin at the first bar if
    `anchored`. Raises ConfigError where there are too few bars.

    >>> folds(100, 2, 10, 0.6, False)
    [Fold(train=(0, 50), test=(60, 80)), Fold(train=(20, 70), test=(80, 100))]
    """
    first = int(count * share)
    length = (count - first) // number if number >= 1 else 0
    if number < 1 or not 0 < share < 1 or length < FEWEST or first - embargo < embargo + FEWEST:
        raise ConfigError(
            f"{count:,} bars are too few for {number} folds with an embargo of {embargo:,} bars",
            hint="give more bars, fewer folds, or shorter windows",
        )
    starts = [first + length * at for at in range(number)]
    ends = [*starts[1:], count]
    return [
        Fold((0 if anchored else start - first, start - embargo), (start, end))
        for start, end in zip(starts, ends, strict=True)
    ]


def walk_forward(
    job: Job,
    sets: Sets,
    cuts: Sequence[Fold],
    metric: str,
    *,
    best: int = 1,
    threads: int | None = None,
    beyond: Beyond | None = None,
    keep: Keep | None = None,
    tell: Tell | None = None,
    stop: Stop | None = None,
) -> Walk:
    """Choose the best sets on each fold's earlier bars, and run them on its later ones.

    `keep` gives the folder of a fold, by its number and what is swept on it.
    """
    judged: list[Judged] = []
    total = len(cuts) * len(sets)
    for number, fold in enumerate(cuts):
        before = number * len(sets)

        def told(done: int, of: int, before: int = before) -> None:
            if tell:
                tell(before + done, total)

        earlier = part(job, *fold.train)
        how: dict[str, Any] = {"threads": threads, "beyond": beyond, "stop": stop}
        how["kept"] = keep(number, earlier) if keep else None
        chosen = sweep(earlier, sets, tell=told, **how)
        judged += [judge(job, chosen, fold, place) for place in chosen.best(metric, best)]
    return Walk(tuple(judged), _together(job, judged), embargo_of(sets))


def judge(job: Job, chosen: Sweep, fold: Fold, place: int) -> Judged:
    """Run a set on the later bars of a fold."""
    strategy = chosen.sets.strategy(place)
    begin, end = fold.test
    warm_up = min(int(strategy.history), begin)
    result = run_one(replace(part(job, begin - warm_up, end), muted=warm_up), strategy)
    profits = [trip.profit for trip in result.trips]
    figures = {name: float(column[place]) for name, column in chosen.figures.items()}
    test = basics(result.equity[warm_up:], result.cash, job.per_year, profits)
    parameters = dict(chosen.sets.values[place])
    return Judged(fold, place, parameters, figures, test, result, warm_up)


def part(job: Job, begin: int, end: int) -> Job:
    """The same over some of the bars, by their place in time. Raises ConfigError."""
    if len(job.bars) == 1:
        return replace(job, bars=(job.bars[0].part(begin, end),))
    ts = np.unique(np.concatenate([one.ts for one in job.bars]))
    until = ts[end] if end < len(ts) else ts[-1] + 1
    parts = [_between(one, ts[begin], until) for one in job.bars]
    if not all(len(one) for one in parts):
        raise ConfigError("An instrument has no bars in a fold", hint="give fewer folds")
    return replace(job, bars=tuple(parts))


def _between(bars: Prices, begin: int, end: int) -> Prices:
    return bars.part(*(int(place) for place in np.searchsorted(bars.ts, [begin, end])))


def _together(job: Job, judged: Sequence[Judged]) -> Basics:
    """The later bars of all folds as one run; of several sets of a fold the best alone."""
    firsts = {one.fold: one for one in reversed(judged)}
    rows = [firsts[fold] for fold in sorted(firsts, key=lambda fold: fold.test)]
    moves = [returns_of(one.result.equity[one.warm_up :], one.result.cash) for one in rows]
    grown = np.asarray(job.cash * np.cumprod(1 + np.concatenate(moves)), np.float64)
    profits = [trip.profit for one in rows for trip in one.result.trips]
    return basics(grown, job.cash, job.per_year, profits)
