"""What must hold for every pool of workers; a test class of a pool inherits it."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from raymill import json
from raymill.errors import Cancelled, SourceError
from raymill.flow.pool import (
    FAILED,
    Argument,
    Call,
    Key,
    Result,
    StepContext,
    StepFailed,
    WorkerPool,
)
from raymill.flow.workflow import Retry, Step, Workflow
from raymill.state.artifacts import Artifacts

PLACE = "raymill.testing.pool_suite:STEPS"
PATIENCE_S = 60.0


class Unsayable(Exception):
    """An error that no other process can take, and whose text cannot be made."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def __str__(self) -> str:
        raise RuntimeError("no text")


def add_one(number: int) -> int:
    """Add one."""
    return number + 1


def total(numbers: list[Any]) -> list[Any]:
    """Tell failed items from others, and add the others up."""
    good = [number for number in numbers if not isinstance(number, StepFailed)]
    return [len(numbers) - len(good), sum(good)]


def text(length: int) -> str:
    """A long text."""
    return "x" * length


def come_back_later(wait_s: float) -> None:
    """Fail, and say when another try is of use."""
    raise SourceError("it asks to be left alone", wait_s=wait_s)


def fail(message: str) -> None:
    """Fail in a way that may pass."""
    raise OSError(message)


def fail_for_good(message: str) -> None:
    """Fail in a way that is not tried again."""
    raise ValueError(message)


def fail_unsayably(_: Any) -> None:
    """Fail with an error that cannot travel."""
    raise Unsayable


def leave(_: Any) -> None:
    """Raise what ends a program."""
    raise SystemExit(3)


def no_json(_: Any) -> Any:
    """Give what is no JSON value."""
    return {1, 2}


def half_a_letter(_: Any) -> str:
    """Give a text that has no bytes."""
    return "\ud800"


def vanish(_: Any) -> None:
    """End the process of the worker."""
    os._exit(3)


def be_killed(_: Any) -> None:
    """Be killed, as by the kernel."""
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds: float) -> float:
    """Sleep without looking at anything."""
    time.sleep(seconds)
    return seconds


def wait(seconds: float, ctx: StepContext) -> float:
    """Wait, and look whether it is still wanted."""
    ctx.save("waits")
    ctx.wait(seconds)
    return seconds


async def nap(seconds: float) -> float:
    """Sleep in an event loop."""
    await asyncio.sleep(seconds)
    return seconds


def count_on(limit: int, ctx: StepContext) -> list[int]:
    """Go on from where an earlier attempt was."""
    begun = ctx.progress or 0
    for number in range(begun, limit):
        ctx.save(number + 1)
    return [ctx.attempt, begun]


SOME = Retry(attempts=2, on=(OSError,))
LONG_S = 30.0  # whatever has a timeout may die without taking others with it
STEPS = Workflow(
    "steps",
    *(add_one, total, text, fail_unsayably, leave, no_json, half_a_letter),
    *(sleep, wait, nap, count_on, come_back_later),
    *(Step(one, retry=SOME) for one in (fail, fail_for_good)),
    *(Step(one, timeout_s=LONG_S) for one in (vanish, be_killed)),
    Step(sleep, name="sleep_too_long", timeout_s=0.3),
)


class Recorder:
    """Takes what a pool reports, and waits for it."""

    def __init__(self) -> None:
        self.ended: list[Result] = []
        self.saved: list[tuple[Key, bytes]] = []
        self.refuses = False
        """Whether attempts that save progress learn that they are over."""
        self._changed = threading.Condition()

    def results(self, results: Sequence[Result]) -> None:
        """Some attempts ended."""
        with self._changed:
            self.ended += results
            self._changed.notify_all()

    def save(self, key: Key, progress: bytes) -> None:
        """Keep an attempt's progress."""
        with self._changed:
            self.saved.append((key, progress))
            self._changed.notify_all()
        if self.refuses:
            raise Cancelled(f"Attempt {key.attempt} is over")

    def wait_until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds of what was reported. Raises AssertionError after a minute."""
        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE_S), f"only {self.ended} were reported"


class Switch:
    """Reports that go to the last of some recorders: so one pool serves many tests."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorders = [recorder]

    def results(self, results: Sequence[Result]) -> None:
        """Some attempts ended."""
        self.recorders[-1].results(results)

    def save(self, key: Key, progress: bytes) -> None:
        """Keep an attempt's progress."""
        self.recorders[-1].save(key, progress)


class Hand:
    """A pool that is open, and what it reported."""

    def __init__(self, pool: WorkerPool, recorder: Recorder, artifacts: Artifacts) -> None:
        self.pool, self.recorder, self.artifacts = pool, recorder, artifacts
        self._count = 0

    def call(self, step: str, *values: Any, progress: Any = None, attempt: int = 1) -> Call:
        """An attempt at a step, of a run of its own."""
        self._count += 1
        given: tuple[Argument, ...] = tuple(json.dumps(value) for value in values)
        key = Key(f"run-{os.getpid()}-{id(self)}-{self._count}", step, -1, attempt)
        return Call(key, "steps", PLACE, given, json.dumps(progress) if progress else None)

    def submit(self, *calls: Call) -> None:
        """Hand calls to one worker."""
        self.pool.submit(calls)

    def ends(self, *calls: Call) -> list[Result]:
        """The ends of calls that were submitted, in their order."""
        keys = [call.key for call in calls]

        def ended() -> dict[Key, Result]:
            return {result.key: result for result in self.recorder.ended}

        self.recorder.wait_until(lambda: all(key in ended() for key in keys))
        return [ended()[key] for key in keys]

    def run(self, *calls: Call) -> list[Result]:
        """Run calls together and give their ends, in their order."""
        self.submit(*calls)
        return self.ends(*calls)

    def run_on(self, *calls: Call) -> list[Result]:
        """Run calls; those that never began are submitted again, as the orchestrator does."""
        found = dict(zip(calls, self.run(*calls), strict=True))
        while again := [call for call, end in found.items() if end.outcome == "unstarted"]:
            self.recorder.ended = [r for r in self.recorder.ended if r.outcome != "unstarted"]
            found |= zip(again, self.run(*again), strict=True)
        return list(found.values())


def _about(result: Result) -> tuple[str, str, str]:
    about = json.loads(result.error or b"{}")
    return result.outcome, about.get("type"), about.get("message")


class PoolSuite:
    """Inherit it and give `lend(folder)`, and `make(folder)`, which makes a pool for one test.

    Workers find the steps at `PLACE`.
    """

    def make(self, folder: Any) -> WorkerPool:
        """A pool that is not open yet, whose artifacts lie in a folder."""
        raise NotImplementedError

    def lend(self, folder: Any) -> AbstractContextManager[Hand]:
        """An open pool with at least two workers, for the time of a test."""
        raise NotImplementedError

    def test_each_call_has_one_result(self, tmp_path: Any) -> None:
        """Of its own key, with its output, on a worker that has a name."""
        with self.lend(tmp_path) as hand:
            calls = [hand.call("add_one", number) for number in range(40)]
            results = hand.run(*calls[:30]) + hand.run(*calls[30:])
            assert [r.output for r in results] == [str(n).encode() for n in range(1, 41)]
            assert {r.outcome for r in results} == {"done"}
            assert all(r.worker and r.seconds >= 0 for r in results)
            assert len(hand.recorder.ended) == 40

    def test_a_step_takes_the_results_of_a_fan_out(self, tmp_path: Any) -> None:
        """Items that failed for good are told from the others."""
        with self.lend(tmp_path) as hand:
            failed = FAILED + json.dumps({"type": "OSError", "message": "gone"})
            call = hand.call("total")._replace(arguments=((b"1", failed, b"3"),))
            assert hand.run(call)[0].output == b"[1,4]"

    def test_an_error_is_told_and_whether_it_is_tried_again(self, tmp_path: Any) -> None:
        """As the step's rules have it."""
        with self.lend(tmp_path) as hand:
            again, never = hand.run(hand.call("fail", "busy"), hand.call("fail_for_good", "wrong"))
            assert _about(again) == ("error", "OSError", "busy")
            assert _about(never) == ("error", "ValueError", "wrong")
            assert "fail_for_good" in json.loads(never.error or b"{}")["trace"]
            assert (again.retry, never.retry) == (True, False)

    def test_an_error_says_when_another_try_is_of_use(self, tmp_path: Any) -> None:
        """Where it knows."""
        with self.lend(tmp_path) as hand:
            later, sometime = hand.run(hand.call("come_back_later", 3600), hand.call("fail", ""))
            assert json.loads(later.error or b"{}")["wait_s"] == 3600
            assert "wait_s" not in json.loads(sometime.error or b"{}")

    def test_what_cannot_be_told_is_an_error_of_its_step(self, tmp_path: Any) -> None:
        """And the worker goes on."""
        with self.lend(tmp_path) as hand:
            steps = ("fail_unsayably", "leave", "no_json", "half_a_letter", "add_one")
            *wrong, good = hand.run(*(hand.call(step, 1) for step in steps))
            kinds = [json.loads(result.error or b"{}")["type"] for result in wrong]
            assert kinds == ["Unsayable", "SystemExit", "TypeError", "TypeError"]
            assert good.output == b"2"

    def test_a_step_that_is_not_there_is_an_error(self, tmp_path: Any) -> None:
        """Also where its workflow is not."""
        with self.lend(tmp_path) as hand:
            unknown = hand.call("no_such_step", 1)
            nowhere = hand.call("add_one", 1)._replace(place="raymill.no_such_module:STEPS")
            good = hand.call("add_one", 1)
            results = hand.run(unknown, nowhere, good)
            assert [result.outcome for result in results] == ["error", "error", "done"]
            assert [result.retry for result in results] == [False] * 3

    def test_a_large_output_travels_by_reference(self, tmp_path: Any) -> None:
        """And so does what the next step takes."""
        with self.lend(tmp_path) as hand:
            (large,) = hand.run(hand.call("text", 200_000))
            output = large.output or b""
            assert len(output) < 1000
            assert hand.artifacts.load(output) == "x" * 200_000
            failing = hand.call("fail", "")._replace(arguments=(output,))
            assert _about(hand.run(failing)[0])[1:] == ("OSError", "x" * 200_000)

    def test_an_async_step_is_awaited(self, tmp_path: Any) -> None:
        """Its result is what it returns."""
        with self.lend(tmp_path) as hand:
            assert hand.run(hand.call("nap", 0.01))[0].output == b"0.01"

    def test_progress_is_saved_in_mid_step_and_given_to_the_next_attempt(
        self, tmp_path: Any
    ) -> None:
        """Each save is reported before the step goes on."""
        with self.lend(tmp_path) as hand:
            call = hand.call("count_on", 5, progress=3, attempt=2)
            assert hand.run(call)[0].output == b"[2,3]"
            assert hand.recorder.saved == [(call.key, b"4"), (call.key, b"5")]

    def test_an_attempt_that_is_over_learns_it_when_it_saves(self, tmp_path: Any) -> None:
        """It ends there."""
        with self.lend(tmp_path) as hand:
            hand.recorder.refuses = True
            call = hand.call("count_on", 5)
            assert hand.run(call)[0].outcome == "cancelled"
            assert hand.recorder.saved == [(call.key, b"1")]

    def test_a_step_that_looks_is_cancelled_there(self, tmp_path: Any) -> None:
        """Its neighbours are not."""
        with self.lend(tmp_path) as hand:
            first, waits, last = hand.call("add_one", 1), hand.call("wait", 60), hand.call("nap", 0)
            hand.submit(first, waits, last)
            hand.recorder.wait_until(lambda: hand.recorder.saved)
            hand.pool.cancel(waits.key)
            assert [r.outcome for r in hand.ends(first, waits, last)] == [
                "done",
                "cancelled",
                "done",
            ]

    def test_a_call_that_waits_is_cancelled_before_it_begins(self, tmp_path: Any) -> None:
        """Whoever is in front of it goes on."""
        with self.lend(tmp_path) as hand:
            first, waits = hand.call("wait", 0.3), hand.call("sleep", 60)
            hand.submit(first, waits)
            hand.recorder.wait_until(lambda: hand.recorder.saved)
            hand.pool.cancel(waits.key)
            assert [r.outcome for r in hand.ends(first, waits)] == ["done", "cancelled"]

    def test_a_step_whose_time_is_over_is_ended_and_its_neighbours_are_not_charged(
        self, tmp_path: Any
    ) -> None:
        """They go on, at once or on another worker."""
        with self.lend(tmp_path) as hand:
            calls = [hand.call(step, 60) for step in ("add_one", "sleep_too_long", "add_one")]
            first, late, last = hand.run_on(*calls)
            assert _about(late) == (
                "timeout",
                "Timeout",
                "step `sleep_too_long` took longer than 0.3 s",
            )
            assert late.retry
            assert (first.output, last.output) == (b"61", b"61")

    def test_a_step_that_ends_its_process_is_lost_and_its_neighbours_are_not_charged(
        self, tmp_path: Any
    ) -> None:
        """Whether it left or was killed."""
        with self.lend(tmp_path) as hand:
            for step in ("vanish", "be_killed"):
                calls = [hand.call(one, 1) for one in ("add_one", step, "add_one", "add_one")]
                first, lost, *rest = hand.run_on(*calls)
                assert _about(lost)[:2] == ("lost", "WorkerLost")
                assert [first.output, *(r.output for r in rest)] == [b"2"] * 3

    def test_a_pool_closes_while_steps_go_on(self, tmp_path: Any) -> None:
        """They are given up."""
        pool, recorder = self.make(tmp_path), Recorder()
        pool.open(recorder)
        hand = Hand(pool, recorder, Artifacts(tmp_path))
        assert pool.size >= 1
        assert hand.run(hand.call("add_one", 1))[0].output == b"2"
        hand.submit(hand.call("wait", 60))
        recorder.wait_until(lambda: recorder.saved)
        pool.close()
        assert len([r for r in recorder.ended if r.outcome == "done"]) == 1
