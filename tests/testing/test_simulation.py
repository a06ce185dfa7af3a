"""Simulated worlds in which everything goes wrong: the core holds, and a broken core is found."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from raymill.flow.pool import Result
from raymill.orchestrator import decide
from raymill.orchestrator.live import Decision, Live
from raymill.orchestrator.loop import Orchestrator
from raymill.orchestrator.ready import Ready, _Lane
from raymill.state.sqlite import SqliteStore
from raymill.state.store import Lease, StepRow
from raymill.state.writer import Writer
from raymill.testing import FaultPlan, MemoryStore
from raymill.testing.crashes import MEMORY

from .scenario import NAMES, Scenario

Plant = Callable[[pytest.MonkeyPatch], None]
FEW = 25
EACH = 250  # seeds in one test
FAULTS = list(FaultPlan.__dataclass_fields__)


def test_the_core_holds_in_a_few_worlds() -> None:
    counts: Counter[str] = Counter()
    for seed in range(FEW):
        counts.update(Scenario(seed).run().faults)
    assert set(counts) >= {"kills", "losses", "lies", "duplicates", "late", "repeats", "set_back"}


@pytest.mark.system
@pytest.mark.parametrize("first", range(1000, 2000, EACH))
def test_the_core_holds_in_a_thousand_worlds(first: int) -> None:
    for seed in range(first, first + EACH):
        Scenario(seed).run()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_the_core_holds_where_one_thing_goes_wrong_often(name: str) -> None:
    usual: float = getattr(FaultPlan.everything(), name)
    plan = FaultPlan(**{name: min(4 * usual, 0.5)})
    for seed in range(5000, 5000 + 2 * EACH):
        Scenario(seed, plan).run()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 30_000, 1000))
def test_the_core_holds_in_many_worlds(first: int) -> None:
    for seed in range(first, first + 1000):
        Scenario(seed).run()


def sqlite_worlds(seeds: range) -> None:
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        for seed in seeds:
            opened = partial(SqliteStore, Path(folder) / str(seed))
            Scenario(seed, seconds=10.0, runs=3, store=opened).run()


def test_the_core_holds_on_the_real_store() -> None:
    sqlite_worlds(range(3))


@pytest.mark.system
def test_the_core_holds_on_the_real_store_in_more_worlds() -> None:
    sqlite_worlds(range(100, 130))


def test_the_same_seed_is_the_same_history() -> None:
    assert Scenario(7).run().history == Scenario(7).run().history


TELL = "from testing.scenario import Scenario; print(Scenario({}).run().history)"


@pytest.mark.system
def test_a_history_is_the_same_in_every_process() -> None:
    def told(seed: int, hashing: str) -> str:
        path = os.pathsep.join(["tests", *sys.path])
        environment = {**os.environ, "PYTHONHASHSEED": hashing, "PYTHONPATH": path}
        command = [sys.executable, "-c", TELL.format(seed)]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    for seed in (7, 8):
        assert told(seed, "1") == told(seed, "2") == Scenario(seed).run().history + "\n"


# A broken core is found


def lost_permits(monkeypatch: pytest.MonkeyPatch) -> None:
    done = Ready.done
    monkeypatch.setattr(
        Ready, "done", lambda self, waited, s: done(self, waited, s) if s is not None else None
    )


def no_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    def commit(self: Any, epoch: int, now: float, ttl_s: float, changes: Any) -> None:
        self._memory.lease = Lease(self._memory.lease.epoch, self._memory.lease.owner, now + ttl_s)
        self._write(changes)
        from raymill import faults

        faults.point("journal.committed")

    monkeypatch.setattr(MemoryStore, "commit", commit)


def no_attempt_check(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = decide.ended

    def any_attempt(live: Live, result: Result, now: float, chance: float) -> Decision:
        row = live.steps.get((result.key.step, result.key.item))
        if row is not None:
            result = result._replace(key=result.key._replace(attempt=row.attempt))
        return ended(live, result, now, chance)

    monkeypatch.setattr(decide, "ended", any_attempt)


def sure_of_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "holds", True)


def begun_before_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def due(live: Live, row: StepRow) -> Decision:
        return Decision(ready=[decide._key(row)])

    monkeypatch.setattr(decide, "due", due)


def the_same_attempt_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    recovered = decide.recovered

    def as_it_was(live: Live, now: float) -> Decision:
        made = recovered(live, now)
        made.steps = [row._replace(attempt=row.attempt - (row.losses > 0)) for row in made.steps]
        made.ready = [decide._key(row) for row in made.steps if row.status == "begun"]
        return made

    monkeypatch.setattr(decide, "recovered", as_it_was)


def messages_forgotten_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Orchestrator._read_inbox

    def and_forget(self: Orchestrator, turn: Any) -> None:
        read(self, turn)
        if turn.forget is not None:
            self.store.forget(turn.forget)

    monkeypatch.setattr(Orchestrator, "_read_inbox", and_forget)


def permits_that_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Lane, "lacks", lambda self, now: None)


def no_most_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opens = _Lane.opens

    def with_room(self: _Lane, now: float) -> float | None:
        going, self.going = self.going, 0
        found = opens(self, now)
        self.going = going
        return found

    monkeypatch.setattr(_Lane, "opens", with_room)


def no_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    put = Ready.put
    monkeypatch.setattr(
        Ready,
        "put",
        lambda self, key, pool, priority, *rest: put(self, key, pool, -priority, *rest),
    )


def pause_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Orchestrator._call

    def as_if_running(self: Orchestrator, pool: str, key: Any) -> Any:
        live = self._lives.get(key.run)
        if live is not None and live.row.status == "paused":
            live.row = live.row._replace(status="running")
        return call(self, pool, key)

    monkeypatch.setattr(Orchestrator, "_call", as_if_running)


def held_attempts_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    requested = decide.requested

    def without(live: Live, kind: str, now: float) -> Decision:
        live.held = []
        return requested(live, kind, now)

    monkeypatch.setattr(decide, "requested", without)


def children_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    close = decide._close

    def alone(*given: Any) -> Decision:
        made = close(*given)
        made.also = []
        return made

    monkeypatch.setattr(decide, "_close", alone)


def a_slow_commit_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Orchestrator._sweep

    def hasty(self: Orchestrator, turn: Any) -> None:
        self._lost._suspects = dict.fromkeys(self._lost._suspects, 0)
        sweep(self, turn)

    monkeypatch.setattr(Orchestrator, "_sweep", hasty)


def runs_that_end_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Orchestrator, "_in_memory", lambda self, run: self._lives.get(run))


def children_that_ended_with_their_parent_are_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def recover(self: Orchestrator, turn: Any) -> None:
        for row in self.store.open_runs():
            self._resume(turn, row)

    monkeypatch.setattr(Orchestrator, "_recover", recover)


def stale_ends_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tell = Orchestrator._tell_parent

    def anyhow(self: Orchestrator, turn: Any, row: Any) -> None:
        lives, closing, self._closing = self._lives, self._closing, {}
        self._lives = {run: live for run, live in lives.items() if run != row.id}
        tell(self, turn, row)
        lives.update(self._lives)
        for run in [run for run in lives if run != row.id and run not in self._lives]:
            del lives[run]
        self._lives, self._closing = lives, {**closing, **self._closing}

    monkeypatch.setattr(Orchestrator, "_tell_parent", anyhow)


EVERYTHING = FaultPlan.everything()
SLOW = FaultPlan(slow_disks=0.2, late=0.2)
BROKEN: dict[Plant, tuple[str, FaultPlan, Sequence[str]]] = {
    lost_permits: ("keeps {'permits'", EVERYTHING, NAMES),
    no_fence: ("a commit of epoch", EVERYTHING, NAMES),
    no_attempt_check: ("no worker told that", EVERYTHING, NAMES),
    sure_of_the_lease: ("the lease|swept", EVERYTHING, NAMES),
    begun_before_it_is_written: ("begins, and in the journal", EVERYTHING, NAMES),
    the_same_attempt_after_a_restart: ("begins twice", EVERYTHING, NAMES),
    messages_forgotten_too_early: ("acknowledged, and is not there", EVERYTHING, NAMES),
    permits_that_are_not_kept: ("begin within", EVERYTHING, ["slow"]),
    no_most_at_once: ("at once", EVERYTHING, ["fan", "parent"]),
    no_priority: ("begins before run", EVERYTHING, NAMES),
    pause_is_not_heard: ("its run is paused", EVERYTHING, NAMES),
    held_attempts_are_dropped: ("step.swept", EVERYTHING, NAMES),
    children_are_left: ("goes on, and its parent is", EVERYTHING, ["parent"]),
    a_slow_commit_is_swept: ("step.swept", SLOW, NAMES),
    runs_that_end_are_forgotten: ("run.swept", SLOW, NAMES),
    children_that_ended_with_their_parent_are_taken_up: ("goes on", EVERYTHING, ["line"]),
    stale_ends_are_told: ("goes on, and its parent is", SLOW, ["parent"]),
}


@pytest.mark.system
@pytest.mark.parametrize("plant", BROKEN, ids=lambda plant: plant.__name__)
def test_a_broken_core_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    text, plan, kinds = BROKEN[plant]
    for seed in range(600):
        try:
            Scenario(seed, plan, kinds=kinds).run()
        except AssertionError as error:
            what, told, *history = str(error).splitlines()
            assert re.search(text, what)
            assert told.startswith(f"seed {seed}, ")
            assert len(history) > 10
            return
    raise AssertionError("not found")
