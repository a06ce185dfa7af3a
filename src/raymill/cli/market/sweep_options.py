"""Options of a sweep: which sets, how they are judged, who runs them."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class ChoiceOptions:
    """Which sets.

    Parameters
    ----------
    grid
        Choices of a parameter, as in `fast=5:50:5` or `fast=5,10,20`; again for another one. Every
        combination is run.
    random
        Draw so many sets from the choices instead; `k=1:3` is then any number between.
    sets
        A CSV or Parquet file of sets, its columns named after parameters.
    set_
        A parameter of all sets, as in `short=true`.
    """

    grid: list[str] | None = None
    random: int | None = None
    sets: str | None = None
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class JudgeOptions:
    """Which sets are best, and whether they stay so.

    Parameters
    ----------
    metric
        The figure that says which set is best.
    best
        How many of the best sets are shown.
    holdout
        Hold back the last part of the bars, as in 0.3, and judge the best sets on it.
    walk
        Choose and judge again and again, on so many folds of the later half of the bars.
    anchored
        Let the bars that are chosen on always begin at the first one.
    """

    metric: str = "sharpe"
    best: int = 10
    holdout: float | None = None
    walk: int | None = None
    anchored: bool = False


@Parameter(name="*")
@dataclass(frozen=True)
class WorkOptions:
    """Who runs them, and where what is done is kept.

    Parameters
    ----------
    engine
        local or ray; chosen by the amount of work if not given. Work of less than two seconds
        stays in this process.
    workers
        How many threads, processes or actors are used at most; one for each core if not given.
    checkpoint
        A folder to keep sets in that are done.
    resume
        Go on with what is in that folder, which any engine may have put there.
    """

    engine: str | None = None
    workers: int | None = None
    checkpoint: str | None = None
    resume: bool = False


NO_CHOICES, NO_JUDGE, NO_WORK = ChoiceOptions(), JudgeOptions(), WorkOptions()
