"""Sweeps: sets, chunks, threads, what is kept, what is left of the best one."""

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bars import ScriptedColumns, some_bars, walk
from raymill.errors import (
    CheckpointError,
    ConfigError,
    EngineError,
    Interrupted,
    UnknownName,
)
from raymill.market.backtest import backtest
from raymill.market.costs import Costs
from raymill.market.metrics import basics
from raymill.market.named import Named, find
from raymill.market.prices import Prices
from raymill.market.simulate import SUMS
from raymill.market.strategies.sma_cross import SmaCross
from raymill.market.strategies.xsmom import XsMom
from raymill.market.strategy import Strategy
from raymill.market.sweep import run as runs
from raymill.market.sweep.beyond import Shared, code_of
from raymill.market.sweep.chunk import run_chunk
from raymill.market.sweep.cut import Cut, gaps
from raymill.market.sweep.kept import Kept
from raymill.market.sweep.run import Sweep, identity, job_for, plan_for, sweep
from raymill.market.sweep.space import Range, Sets, checked, grid, randomly, read_choices
from raymill.market.sweep.table import FIGURES
from raymill.market.sweep.walk import embargo_of, folds, walk_forward

SMA = find("sma_cross")
COSTS = Costs(fee_bps=10, borrow=0.02)


def sma_sets() -> Sets:
    return checked(SMA, grid({"fast": [2, 5, 9], "slow": [8, 20], "short": [False, True]}))


def test_a_grid_has_every_combination() -> None:
    choices = {name: read_choices(name, text) for name, text in (("a", "1:3"), ("b", "x,y"))}
    assert grid(choices) == [{"a": a, "b": b} for a in (1, 2, 3) for b in ("x", "y")]
    assert read_choices("k", "0.1:0.3:0.1").values() == pytest.approx([0.1, 0.2, 0.3])
    with pytest.raises(ConfigError, match="has no step"):
        grid({"k": read_choices("k", "0.5:2")})
    with pytest.raises(ConfigError, match="more than 1,000,000"):
        grid(dict.fromkeys("abc", Range(1, 101)))


def test_random_sets_depend_on_the_seed_alone() -> None:
    choices = {
        "fast": Range(2, 9),
        "k": Range(0.5, 1.5),
        "s": Range(10, 50, 20),
        "short": ["a", "b"],
    }
    one, same, other = (randomly(choices, 200, seed) for seed in (1, 1, 2))
    assert one == same != other
    assert {row["fast"] for row in one} == set(range(2, 10))
    assert {row["s"] for row in one} == {10, 30, 50}
    assert all(0.5 <= row["k"] <= 1.5 for row in one)
    with pytest.raises(ConfigError, match="0 sets cannot be drawn"):
        randomly(choices, 0, 1)


@pytest.mark.parametrize("text", ["", "5:", "a:b", "9:5", "1:9:0", "1:2:3:4"])
def test_choices_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"fast="):
        read_choices("fast", text)


def test_sets_that_do_not_fit_are_left_out_and_counted_each_one_once() -> None:
    sets = checked(SMA, grid({"fast": [5, 5, 30], "slow": [20]}), {"short": "true"})
    assert sets.values == ({"fast": 5, "slow": 20, "short": True},)
    assert [reason for _, reason in sets.left_out] == ["`fast` must be below `slow`, not 30 and 20"]
    assert sma_sets().varied == ["fast", "slow", "short"]
    with pytest.raises(ConfigError, match="no parameter set to run: `fast` must be below"):
        checked(SMA, [{"fast": 9, "slow": 9}])
    with pytest.raises(ConfigError, match="cannot be 0"):
        checked(SMA, [{"fast": 0}])
    with pytest.raises(UnknownName, match="`fats`"):
        checked(SMA, [{"fats": 1}])


def figures_of(found: Sweep, at: int) -> dict[str, float]:
    return {name: float(found.figures[name][at]) for name in FIGURES}


def test_each_set_has_the_figures_of_its_own_backtest() -> None:
    prices, sets = walk(300), sma_sets()
    found = sweep(job_for(sets, prices, COSTS, cash=1000), sets)
    assert found.trials == 10  # 9 is not below 8
    for at in range(len(sets)):
        done = backtest(sets.strategy(at), prices, COSTS, cash=1000)
        for name, value in figures_of(found, at).items():
            wanted = done.figures()[name]
            assert value == pytest.approx(
                float("nan") if wanted is None else wanted, rel=1e-9, nan_ok=True
            )
    assert found.table.num_rows == 10
    assert found.table.column_names[:4] == ["fast", "slow", "short", "final_equity"]


@dataclass
class Slow(SmaCross):
    """The same without a path over columns."""

    vector = Strategy.vector


def test_a_strategy_without_columns_is_swept_bar_by_bar_with_the_same_figures() -> None:
    prices = walk(200)
    slow, fast = (
        checked(Named("sma", kind), grid({"fast": [2, 5], "slow": [8, 20]}))
        for kind in (Slow, SmaCross)
    )
    by_bar, by_column = (sweep(job_for(sets, prices, COSTS), sets) for sets in (slow, fast))
    assert by_bar.sums == pytest.approx(by_column.sums, rel=1e-9, abs=1e-15)


def test_several_instruments_are_swept() -> None:
    two = [walk(120, symbol="A"), walk(120, seed=2, symbol="B")]
    sets = checked(
        Named("xsmom", XsMom), grid({"lookback": [5, 10], "skip": [0], "rebalance": [5]})
    )
    found = sweep(job_for(sets, two), sets)
    done = backtest(sets.strategy(1), two)
    assert found.figures["final_equity"][1] == pytest.approx(done.basics.final_equity)


def test_a_vector_that_writes_only_some_targets_leaves_the_others_alone() -> None:
    kind = Named("scripted", ScriptedColumns)
    sets = Sets(kind, ({"script": (1.0, 0.0)}, {"script": ()}, {"script": (None, 1.0)}), ())
    prices = walk(50)
    found = run_chunk(job_for(sets, prices), sets, 0, 3)
    finals = [backtest(sets.strategy(at), prices, cash=1.0).equity[-1] for at in range(3)]
    assert found[:, 0].tolist() == finals


@given(some_bars(), st.integers(0, 60), st.sampled_from(["sma_cross", "rsi_revert"]))
def test_bars_that_only_warm_up_trade_nothing_on_either_path(
    prices: Prices, muted: int, name: str
) -> None:
    muted = min(muted, len(prices) - 1)
    sets = checked(find(name), [{}, {"slow": 12} if name == "sma_cross" else {"window": 5}])
    rows = run_chunk(job_for(sets, prices, COSTS, per_year=252, muted=muted), sets, 0, len(sets))

    @dataclass
    class Bars(sets.named.kind):
        vector = Strategy.vector

    slow = Sets(Named(name, Bars), sets.values, ())
    bars = run_chunk(job_for(slow, prices, COSTS, per_year=252, muted=muted), slow, 0, len(sets))
    assert rows == pytest.approx(bars, rel=1e-9, abs=1e-12)


@pytest.fixture
def big(monkeypatch: pytest.MonkeyPatch) -> tuple[runs.Job, Sets]:
    """A sweep with several chunks, for which threads are chosen."""
    monkeypatch.setattr(runs, "SHORT_S", 1e-4)
    sets = checked(SMA, grid({"fast": range(2, 26), "slow": [100]}))
    return job_for(sets, walk(20_000), COSTS), sets


def test_threads_give_the_rows_of_one_thread(big: tuple[runs.Job, Sets]) -> None:
    job, sets = big
    one, two = (sweep(job, sets, threads=threads) for threads in (1, 2))
    assert (one.engine, two.engine) == ("serial", "threads")
    assert one.sums.tobytes() == two.sums.tobytes()


def test_the_engine_is_chosen_by_the_amount_of_work(big: tuple[runs.Job, Sets]) -> None:
    small = sma_sets()
    assert plan_for(job_for(small, walk(300)), small, 8).engine == "serial"
    job, sets = big
    plan = plan_for(job, sets, 8)
    assert (plan.engine, plan.threads) == ("threads", 8)
    assert plan.chunk == plan_for(job, sets, 2).chunk  # the cut does not depend on cores
    slow = Sets(Named("sma", Slow), sets.values, ())
    assert plan_for(job_for(slow, walk(20_000)), slow, 8).engine == "serial"


def kept(folder: Path, job: runs.Job, sets: Sets, *, resume: bool = True) -> Kept:
    return Kept(folder, identity(job, sets), resume=resume)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_sweep_that_was_stopped_goes_on_with_what_is_kept(
    tmp_path: Path, threads: int, big: tuple[runs.Job, Sets]
) -> None:
    job, sets = big
    whole = sweep(job, sets, threads=threads)
    told: list[tuple[int, int]] = []
    with pytest.raises(Interrupted):
        sweep(
            job,
            sets,
            threads=threads,
            kept=kept(tmp_path / "k", job, sets),
            tell=lambda done, of: told.append((done, of)),
            stop=lambda: len(told) >= 2,
        )
    done_before = told[-1][0]
    assert 0 < done_before < len(sets)
    there = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "k").glob("*.f8")}
    again: list[int] = []
    found = sweep(
        job,
        sets,
        threads=threads,
        kept=kept(tmp_path / "k", job, sets),
        tell=lambda done, of: again.append(done),
    )
    assert found.sums.tobytes() == whole.sums.tobytes()
    assert again[len(there) - 1] >= done_before  # those that were kept came first
    later = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "k").glob("*.f8")}
    assert there.items() <= later.items()  # and were not run again


def test_a_damaged_chunk_is_run_again(tmp_path: Path, big: tuple[runs.Job, Sets]) -> None:
    job, sets = big
    whole = sweep(job, sets, kept=kept(tmp_path / "k", job, sets))
    first = sorted((tmp_path / "k").glob("*.f8"))[0]
    first.write_bytes(first.read_bytes()[:-1])
    found = sweep(job, sets, kept=kept(tmp_path / "k", job, sets))
    assert found.sums.tobytes() == whole.sums.tobytes()
    assert not [*(tmp_path / "k").glob("*.partial")]


def test_a_folder_belongs_to_one_sweep(tmp_path: Path, big: tuple[runs.Job, Sets]) -> None:
    job, sets = big
    kept(tmp_path / "k", job, sets, resume=False)
    with pytest.raises(CheckpointError, match="holds a sweep already"):
        kept(tmp_path / "k", job, sets, resume=False)
    other = job_for(sets, walk(20_000), Costs(fee_bps=1))
    with pytest.raises(CheckpointError, match="holds another sweep: costs differs"):
        kept(tmp_path / "k", other, sets)
    (tmp_path / "k" / "sweep.json").write_text("{")
    with pytest.raises(CheckpointError, match="is damaged"):
        kept(tmp_path / "k", job, sets)


def test_chunks_are_as_long_as_the_work_of_half_a_second_to_one() -> None:
    cut = Cut(gaps([(0, 10)], 100_010))
    sizes = []
    for begin, end in cut.chunks():
        sizes.append(end - begin)
        cut.saw(end - begin, (end - begin) / 512)
    assert sizes[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert set(sizes[9:-1]) == {512}
    assert sum(sizes) == 100_000
    slow = Cut([(0, 5)])
    for begin, end in slow.chunks():
        assert end == begin + 1
        slow.saw(1, 60.0)


def test_workers_have_something_to_do_to_the_end() -> None:
    cut = Cut([(0, 4000)])
    cut.spread_over(2)
    sizes = []
    for begin, end in cut.chunks():
        sizes.append(end - begin)
        cut.saw(end - begin, (end - begin) / 1024)
    assert sizes[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert sizes[10:] == [745, 558, 512, 512, 512, 138]  # a quarter of the rest, or half a second


def test_what_was_kept_may_have_been_cut_elsewhere(tmp_path: Path) -> None:
    folder = Kept(tmp_path, {}, resume=True)
    for begin, end in ((0, 2), (1, 3), (6, 9), (6, 7), (12, 13)):
        folder.keep(begin, end, np.full((end - begin, 1), float(begin)))
    (tmp_path / "sets-0000012-0000013.f8").write_bytes(b"half")
    found = [(begin, end, rows.ravel().tolist()) for begin, end, rows in folder.found(1)]
    assert found == [(0, 2, [0.0, 0.0]), (6, 7, [6.0])]
    assert gaps([(begin, end) for begin, end, _ in found], 10) == [(2, 6), (7, 10)]


def test_other_workers_are_asked_for_when_it_is_known_how_much_there_is() -> None:
    sets = checked(Named("sma", Slow), grid({"fast": range(2, 9), "slow": [20]}))
    asked: list[tuple[float, int]] = []
    sweep(job_for(sets, walk(60)), sets, beyond=lambda left_s, here: asked.append((left_s, here)))
    assert [here for _, here in asked] == [1] * len(asked)
    assert 1 <= len(asked) < 7
    assert all(left_s > 0 for left_s, _ in asked)


def test_a_worker_with_other_code_refuses() -> None:
    sets = sma_sets()
    job = job_for(sets, walk(60))
    Shared(job, sets, code_of(sets)).check()
    Shared(job, sets, None).check()  # it came with the strategy
    with pytest.raises(EngineError, match="A worker has other code of `sma_cross`"):
        Shared(job, sets, ("", "")).check()


def test_an_error_in_a_thread_is_told(
    monkeypatch: pytest.MonkeyPatch, big: tuple[runs.Job, Sets]
) -> None:
    job, sets = big
    monkeypatch.setattr(
        Sets,
        "strategy",
        lambda self, at: (
            1 / 0 if threading.current_thread() is not threading.main_thread() else SmaCross(2, 100)
        ),
    )
    with pytest.raises(ZeroDivisionError):
        sweep(job, sets, threads=2)


def test_the_best_sets_come_first_and_those_without_a_figure_last() -> None:
    sets = checked(
        SMA, [{"fast": fast, "slow": 60} for fast in (2, 5, 9)] + [{"fast": 9, "slow": 299}]
    )
    found = sweep(job_for(sets, walk(300)), sets)
    assert np.isnan(found.figures["sharpe"][3])  # never traded
    order = found.best("sharpe", 4)
    sharpes = [found.figures["sharpe"][at] for at in order]
    assert sharpes[:3] == sorted(sharpes[:3], reverse=True)
    assert order[3] == 3
    assert found.best("turnover")[0] == 3  # the less the better
    assert found.best("max_drawdown")[0] == 3  # nothing is lost
    with pytest.raises(UnknownName, match="figure `sharp`"):
        found.best("sharp")


def test_the_best_of_many_is_deflated() -> None:
    sets = sma_sets()
    found = sweep(job_for(sets, walk(400)), sets)
    at = found.best("sharpe")[0]
    deflated = found.deflated(at)
    assert deflated.trials == len(sets)
    assert deflated.sharpe_by_chance > 0
    assert 0 < deflated.deflated_sharpe < 1
    alone = checked(SMA, [sets.values[at]])
    one = sweep(job_for(alone, walk(400)), alone).deflated(0)
    assert one.sharpe_by_chance == 0
    assert one.deflated_sharpe > deflated.deflated_sharpe


def test_folds_hold_an_embargo_before_the_bars_that_judge() -> None:
    cut = folds(1000, 3, 50, 0.4, False)
    assert [(one.train, one.test) for one in cut] == [
        ((0, 350), (400, 600)),
        ((200, 550), (600, 800)),
        ((400, 750), (800, 1000)),
    ]
    assert [one.train for one in folds(1000, 2, 50, 0.4, True)] == [(0, 350), (0, 650)]
    for wrong in ((100, 3, 50, 0.4), (1000, 0, 5, 0.5), (1000, 400, 5, 0.5), (1000, 2, 5, 1.0)):
        with pytest.raises(ConfigError, match="too few"):
            folds(*wrong, False)


def test_what_is_chosen_does_not_depend_on_the_bars_that_judge() -> None:
    prices, sets = walk(600), sma_sets()
    embargo = embargo_of(sets)
    assert embargo == 20
    cut = folds(600, 2, embargo, 0.5, False)
    changed = Prices(
        "X",
        prices.ts,
        *(
            np.concatenate([column[:280], column[280:] * np.linspace(1, 9, 320)])
            for column in (prices.open, prices.high, prices.low, prices.close)
        ),
        prices.volume,
    )
    one, other = (
        walk_forward(job_for(sets, each, COSTS), sets, cut, "sharpe").judged[0]
        for each in (prices, changed)
    )
    assert one.parameters == other.parameters
    assert one.train == pytest.approx(other.train)
    assert one.test != other.test


def test_the_bars_that_judge_are_warmed_up_and_put_together() -> None:
    prices, sets = walk(600), sma_sets()
    cut = folds(600, 3, embargo_of(sets), 0.5, False)
    done = walk_forward(job_for(sets, prices, COSTS, cash=50), sets, cut, "final_equity")
    assert [one.fold for one in done.judged] == cut
    moves = []
    for one in done.judged:
        begin, end = one.fold.test
        assert one.warm_up == one.parameters["slow"]
        assert min(fill.bar for fill in one.result.fills) > one.warm_up
        equity = one.result.equity[one.warm_up :]
        assert len(equity) == end - begin
        profits = [trip.profit for trip in one.result.trips]
        assert one.test == basics(equity, 50, done.together.periods_per_year, profits)
        moves.append(equity[-1] / 50)
    assert done.together.final_equity == pytest.approx(np.prod(moves))
    assert done.together.closed_trades == sum(one.test.closed_trades for one in done.judged)


def test_sums_are_as_many_as_their_names() -> None:
    assert run_chunk(job_for(sma_sets(), walk(60)), sma_sets(), 2, 5).shape == (3, SUMS)
