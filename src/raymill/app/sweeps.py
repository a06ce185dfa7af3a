"""A sweep as it is asked for: choices as text, files, folders; run, judged and told."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from raymill.app.backtests import Asked, Data, named, read
from raymill.app.spreading import Spreading
from raymill.errors import ConfigError, InputError
from raymill.flow.batches import Stop
from raymill.market.named import Named
from raymill.market.sweep.chunk import Job
from raymill.market.sweep.kept import Kept
from raymill.market.sweep.record import Recording, about
from raymill.market.sweep.run import Deflated, Sweep, Tell, identity, job_for, sweep
from raymill.market.sweep.space import Sets, checked, grid, randomly, read_choices
from raymill.market.sweep.walk import (
    Fold,
    Judged,
    Walk,
    embargo_of,
    folds,
    judge,
    part,
    walk_forward,
)
from raymill.market.tables import read_columns


@dataclass(frozen=True)
class Choices:
    """Which parameter sets: a grid, some drawn from it, a file of them, or a list."""

    grid: Mapping[str, str]
    random: int | None = None
    file: str | None = None
    fixed: Mapping[str, Any] | None = None
    sets: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class How:
    """How a sweep is judged and run."""

    metric: str = "sharpe"
    best: int = 10
    holdout: float | None = None
    walk: int | None = None
    anchored: bool = False
    engine: str | None = None
    workers: int | None = None
    checkpoint: str | None = None
    resume: bool = False


@dataclass(frozen=True)
class Swept:
    """A sweep, done. `judged` are the best sets on bars that were held back."""

    asked: Asked
    how: How
    data: Data
    sweep: Sweep
    deflated: Deflated
    judged: tuple[Judged, ...]
    walk: Walk | None
    elapsed_s: float
    record: Mapping[str, Any]

    @property
    def best(self) -> Sequence[int]:
        """The places of the best sets."""
        return self.sweep.best(self.how.metric, self.how.best)

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        rows = self.sweep.table
        names = [one.name for one in self.sweep.sets.named.parameters]
        judged = {one.place: asdict(one.test) for one in self.judged}
        best = []
        for place in self.best:
            row = {name: rows[name][place].as_py() for name in rows.column_names}
            set_ = {name: row.pop(name) for name in names}
            best.append({"parameters": set_, **row, "out_of_sample": judged.get(place)})
        walk = self.walk
        return {
            "strategy": self.asked.strategy,
            "metric": self.how.metric,
            **asdict(self.deflated),
            "left_out": len(self.sweep.sets.left_out),
            "periods_per_year": self.sweep.job.per_year,
            "best": best,
            "walk": walk and [one.to_dict() for one in walk.judged],
            "walk_together": walk and asdict(walk.together),
            "embargo": walk.embargo if walk else embargo_of(self.sweep.sets) if judged else None,
            "engine": self.sweep.engine,
            "workers": self.sweep.workers,
            "elapsed_s": self.elapsed_s,
            "record": dict(self.record),
        }


def run_sweep(
    asked: Asked,
    choices: Choices,
    how: How,
    tell: Tell | None = None,
    stop: Stop | None = None,
) -> Swept:
    """Read the bars, run every set, judge the best.

    Raises ConfigError, InputError, Interrupted, EngineUnavailable.
    """
    with Spreading(how.engine, how.workers) as beyond:
        found = named(asked.strategy)
        sets = sets_of(found, choices, asked.seed)
        data = read(asked, found, dict(choices.fixed or {}))
        job = job_for(
            sets,
            data.bars,
            asked.costs,
            cash=asked.cash,
            per_year=asked.per_year,
            seed=asked.seed,
        )
        run: dict[str, Any] = {"threads": how.workers, "tell": tell, "stop": stop}
        return _swept(asked, how, data, job, sets, {**run, "beyond": beyond})


def _swept(
    asked: Asked, how: How, data: Data, job: Job, sets: Sets, run: Mapping[str, Any]
) -> Swept:
    cuts = _cuts(job.counted, sets, how)
    chosen_on = part(job, *cuts[0].train) if how.holdout is not None else job
    kept = None
    if how.checkpoint:
        kept = Kept(how.checkpoint, identity(chosen_on, sets), resume=how.resume)
    begun = time.monotonic()
    told = about(asked.strategy, chosen_on, sets, data.files)
    with Recording(told, kept.folder if kept else None) as recording:
        swept = sweep(chosen_on, sets, kept=kept, **run)
        recording.ran(swept)
    judged: tuple[Judged, ...] = ()
    walk = None
    best = swept.best(how.metric, how.best)
    if how.holdout is not None:
        judged = tuple(judge(job, swept, cuts[0], place) for place in best)
    elif how.walk is not None:
        keep = partial(_kept_fold, kept.folder, sets) if kept else None
        walk = walk_forward(job, sets, cuts, how.metric, keep=keep, **run)
    deflated = swept.deflated(best[0])
    elapsed_s, record = time.monotonic() - begun, recording.record
    return Swept(asked, how, data, swept, deflated, judged, walk, elapsed_s, record)


def _kept_fold(folder: Path, sets: Sets, number: int, job: Job) -> Kept:
    return Kept(folder / f"fold-{number}", identity(job, sets), resume=True)


def sets_of(found: Named, choices: Choices, seed: int) -> Sets:
    """The parameter sets that are asked for. Raises ConfigError, InputError."""
    if choices.file is not None:
        if choices.grid or choices.random is not None:
            raise ConfigError("A file of sets takes no other choices", hint="leave --grid out")
        return checked(found, _listed(choices.file), choices.fixed)
    if choices.sets:
        return checked(found, choices.sets, choices.fixed)
    if not choices.grid:
        raise ConfigError(
            "There is nothing to try", hint="name choices: --grid fast=5:50:5 --grid slow=50,100"
        )
    read_ = {name: read_choices(name, text) for name, text in choices.grid.items()}
    if choices.random is None:
        return checked(found, grid(read_), choices.fixed)
    return checked(found, randomly(read_, choices.random, seed), choices.fixed)


def _listed(file: str) -> list[dict[str, Any]]:
    columns = {name: column.to_pylist() for name, column in read_columns(file).items()}
    if not columns:
        raise InputError(f"`{file}` has no column", hint="its head names parameters")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _cuts(bars: int, sets: Sets, how: How) -> list[Fold]:
    if how.holdout is not None and how.walk is not None:
        raise ConfigError("`--holdout` and `--walk` exclude each other", hint="give one")
    if how.holdout is not None:
        return folds(bars, 1, embargo_of(sets), 1 - how.holdout, how.anchored)
    if how.walk is not None:
        return folds(bars, how.walk, embargo_of(sets), 0.5, how.anchored)
    return []
