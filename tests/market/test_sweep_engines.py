"""Sweeps on processes and on Ray: the same table, whoever runs it and whatever dies on the way."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from market.bars import walk
from market.swept import Deadly, Failing, Slow, is_shared
from raymill.app.spreading import batch_pool
from raymill.errors import EngineError, Interrupted
from raymill.flow.batches import BatchPool, place_of
from raymill.market.costs import Costs
from raymill.market.named import Named, find
from raymill.market.simulate import SUMS
from raymill.market.strategies.xsmom import XsMom
from raymill.market.sweep.chunk import Job
from raymill.market.sweep.kept import Kept
from raymill.market.sweep.run import identity, job_for, sweep
from raymill.market.sweep.space import Sets, checked, grid
from raymill.market.sweep.walk import embargo_of, folds, walk_forward

pytestmark = pytest.mark.system

COSTS = Costs(fee_bps=10, borrow=0.02)
Lend = Callable[[str, int], BatchPool]


@pytest.fixture(scope="module")
def lend(request: pytest.FixtureRequest) -> Iterator[Lend]:
    """A pool of an engine and a size, left to the next test that wants the same one."""
    pools: dict[str, BatchPool] = {}

    def given(engine: str, workers: int) -> BatchPool:
        if engine == "ray":
            request.getfixturevalue("ray_cluster")
        if engine in pools and pools[engine].size != workers:
            pools.pop(engine).close()  # the cluster of the tests has room for one of them
        if engine not in pools:
            pools[engine] = batch_pool(engine, workers)
        return pools[engine]

    yield given
    for pool in pools.values():
        pool.close()


@pytest.fixture
def pool(lend: Lend, engine: str) -> BatchPool:
    """Two workers of an engine."""
    return lend(engine, 2)


def some(kind: type = Slow, **fixed: object) -> Sets:
    choices = {"fast": range(2, 12), "slow": [20, 31], "short": [False, True]}
    return checked(Named("sma", kind), grid(choices), fixed)


def job_of(sets: Sets, bars: int = 150) -> Job:
    return job_for(sets, walk(bars), COSTS, cash=1000)


@pytest.fixture(scope="module")
def expected() -> bytes:
    """The sums of the forty sets, by this process alone."""
    sets = some()
    return sweep(job_of(sets), sets).sums.tobytes()


@pytest.mark.parametrize("count", [1, 4, 2])
def test_the_table_is_the_same_on_any_engine_with_any_workers(
    lend: Lend, engine: str, count: int, expected: bytes
) -> None:
    sets, used = some(), lend(engine, count)
    found = sweep(job_of(sets), sets, beyond=lambda left_s, here: used)
    assert (found.engine, found.workers) == (used.name, count)
    assert found.sums.tobytes() == expected


def test_columns_are_swept_beyond_threads_with_the_same_table(pool: BatchPool) -> None:
    sets = checked(find("sma_cross"), grid({"fast": range(2, 30), "slow": range(100, 110)}))
    job = job_for(sets, walk(20_000), COSTS)
    threads = sweep(job, sets, threads=2)
    beyond = sweep(job, sets, threads=2, beyond=lambda left_s, here: pool)
    assert (threads.engine, beyond.engine) == ("threads", pool.name)
    assert threads.sums.tobytes() == beyond.sums.tobytes()


def test_several_instruments_and_strategies_of_a_file_are_swept(
    pool: BatchPool, tmp_path: Path
) -> None:
    two = [walk(120, symbol="A"), walk(120, seed=2, symbol="B")]
    choices = {"lookback": [5, 7, 10], "skip": [0, 1], "rebalance": [3, 5]}
    sets = checked(Named("xsmom", XsMom), grid(choices))
    alone, beyond = (
        sweep(job_for(sets, two), sets, beyond=used) for used in (None, lambda left, here: pool)
    )
    assert alone.sums.tobytes() == beyond.sums.tobytes()
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\n"
        "from raymill.market.strategy import Strategy\n"
        "@dataclass\n"
        "class Mine(Strategy):\n"
        "    weight: float = 1.0\n"
        "    def on_bar(self, ctx, bars):\n"
        "        return self.weight\n"
    )
    mine = checked(find(f"{file}:Mine"), grid({"weight": [0.0, 0.5, 1.0, 0.25]}))
    alone, beyond = (
        sweep(job_for(mine, two[0]), mine, beyond=used) for used in (None, lambda left, here: pool)
    )
    assert beyond.engine == pool.name
    assert alone.sums.tobytes() == beyond.sums.tobytes()


def test_a_worker_that_is_killed_loses_nothing(
    pool: BatchPool, tmp_path: Path, expected: bytes
) -> None:
    files = ",".join(str(tmp_path / name) for name in ("one", "two"))
    sets = some(Deadly, files=files)
    job = job_of(sets)
    seen: list[int] = []
    found = sweep(
        job, sets, beyond=lambda left_s, here: pool, tell=lambda done, of: seen.append(done)
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
    assert found.sums.tobytes() == expected
    assert (seen[-1], len(set(seen))) == (40, len(seen))


def test_a_set_that_kills_each_worker_ends_the_sweep_with_its_name(
    pool: BatchPool, tmp_path: Path
) -> None:
    files = ",".join(str(tmp_path / str(number)) for number in range(99))
    sets = checked(
        Named("sma", Deadly), grid({"fast": [2, 3, 4, 5], "slow": [20]}), {"files": files}
    )
    with pytest.raises(EngineError, match="A worker was lost 3 times at set 3: "):
        sweep(job_of(sets), sets, beyond=lambda left_s, here: pool)
    assert len([*tmp_path.iterdir()]) == 3


def test_what_a_strategy_raises_comes_back_as_itself(pool: BatchPool) -> None:
    sets = some(Failing)
    with pytest.raises(LookupError) as raised:
        sweep(job_of(sets), sets, beyond=lambda left_s, here: pool)
    assert (type(raised.value), str(raised.value)) == (LookupError, "no seven")
    assert "in on_bar" in raised.value.__notes__[0]


def test_a_sweep_that_was_stopped_goes_on_on_another_engine(
    pool: BatchPool, tmp_path: Path, expected: bytes
) -> None:
    sets = some()
    job = job_of(sets)
    told: list[int] = []

    def kept() -> Kept:
        return Kept(tmp_path / "kept", identity(job, sets), resume=True)

    with pytest.raises(Interrupted, match="The sweep was stopped"):
        sweep(
            job,
            sets,
            beyond=lambda left_s, here: pool,
            kept=kept(),
            tell=lambda done, of: told.append(done),
            stop=lambda: len(told) >= 4,
        )
    assert 4 <= told[-1] < 40
    first = {begin: end for begin, end, _ in kept().found(SUMS)}
    assert sum(end - begin for begin, end in first.items()) == told[-1]
    half: list[int] = []
    with pytest.raises(Interrupted):
        sweep(
            job,
            sets,
            kept=kept(),
            tell=lambda done, of: half.append(done),
            stop=lambda: len(half) > len(first),
        )
    assert half[len(first) - 1] == told[-1]  # what was kept came first
    found = sweep(job, sets, beyond=lambda left_s, here: pool, kept=kept())
    assert found.sums.tobytes() == expected


def test_a_sweep_whose_process_is_killed_goes_on_on_another_engine(
    pool: BatchPool, tmp_path: Path, expected: bytes
) -> None:
    folder = tmp_path / "kept"
    code = f"""
import os, signal, sys
sys.path[:0] = {[os.path.abspath(path) for path in sys.path]!r}
from market.test_sweep_engines import job_of, some
from raymill.engines.batch_pool import LocalBatchPool
from raymill.market.sweep.kept import Kept
from raymill.market.sweep.run import identity, sweep

told = []
def tell(done, of):
    told.append(done)
    if len(told) == 5:
        os.kill(os.getpid(), signal.SIGKILL)

sets = some()
job = job_of(sets)
kept = Kept({str(folder)!r}, identity(job, sets), resume=False)
sweep(job, sets, beyond=lambda left_s, here: LocalBatchPool(2), kept=kept, tell=tell)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    sets = some()
    job = job_of(sets)
    kept = Kept(folder, identity(job, sets), resume=True)
    there = sum(end - begin for begin, end, _ in kept.found(SUMS))
    assert 5 <= there < 40
    found = sweep(job, sets, beyond=lambda left_s, here: pool, kept=kept)
    assert found.sums.tobytes() == expected


def test_a_walk_forward_uses_one_pool_for_all_folds(pool: BatchPool) -> None:
    sets = some()
    job = job_of(sets, 400)
    cut = folds(400, 3, embargo_of(sets), 0.5, False)
    alone, beyond = (
        walk_forward(job, sets, cut, "sharpe", beyond=used)
        for used in (None, lambda left_s, here: pool)
    )
    assert [one.to_dict() for one in alone.judged] == [one.to_dict() for one in beyond.judged]
    assert alone.together == beyond.together


def test_workers_share_the_bars_and_cannot_write_to_them(pool: BatchPool) -> None:
    held = pool.put(walk(1000))
    batch = pool.submit(place_of(is_shared), [0], held)
    while not (ended := pool.results(60.0)):
        pass
    assert (ended[0].batch, ended[0].answers[0].value) == (batch, [False] * 12)
    pool.drop(held)
