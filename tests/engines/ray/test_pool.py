"""The pool on Ray keeps what every pool must, and what Ray's faults must not break."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.engines.ray.doings import PLACE

from raymill import config, json
from raymill.engines.ray.pool import RayPool
from raymill.flow.places import workflow_at
from raymill.flow.pool import Call
from raymill.state.artifacts import Artifacts
from raymill.testing.pool_suite import Hand, PoolSuite, Recorder, Switch

pytestmark = [
    pytest.mark.ray,
    pytest.mark.system,
]


@dataclass
class Shared:
    """One pool for all tests of the suite: reports go to the recorder of the test that goes on."""

    pool: RayPool
    folder: Path
    address: str
    switch: Switch


@pytest.fixture(scope="module")
def shared(ray_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("pool")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYMILL_WORKFLOWS_RAY_JOIN_S", "0")
        config.reset()
        pool = RayPool(folder, workers_min=2, workers_max=2, address=ray_address)
    switch = Switch(Recorder())
    pool.open(switch)
    yield Shared(pool, folder, ray_address, switch)
    pool.close()


def place(call: Call) -> Call:
    """A call of the steps that lie beside this module."""
    return call._replace(place=f"{PLACE}NEEDY")


class TestRayPool(PoolSuite):
    @pytest.fixture(autouse=True)
    def borrow(self, shared: Shared, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
        self.shared = shared
        yield
        assert "ray.pool-failed" not in capfd.readouterr().err

    def make(self, folder: Any) -> RayPool:
        return RayPool(folder, workers_min=1, workers_max=1, address=self.shared.address)

    @contextmanager
    def lend(self, folder: Any) -> Iterator[Hand]:
        recorder = Recorder()
        self.shared.switch.recorders.append(recorder)
        yield Hand(self.shared.pool, recorder, Artifacts(self.shared.folder))

    def test_neighbours_of_a_step_that_falls_never_began(self, tmp_path: Path) -> None:
        with self.lend(tmp_path) as hand:
            steps = ("add_one", "vanish", "add_one", "add_one")
            ends = hand.run(*(hand.call(step, 1) for step in steps))
            assert [end.outcome for end in ends] == ["done", "lost", "unstarted", "unstarted"]
            assert ends[1].worker.startswith("ray-")

    def test_a_step_that_does_not_look_is_cancelled_with_its_worker(self, tmp_path: Path) -> None:
        with self.lend(tmp_path) as hand:
            first, held, last = (hand.call(name, 60) for name in ("wait", "sleep", "add_one"))
            hand.submit(first, held, last)
            hand.recorder.wait_until(lambda: hand.recorder.saved)
            hand.pool.cancel(first.key)
            assert hand.ends(first)[0].outcome == "cancelled"
            hand.pool.cancel(held.key)
            assert [end.outcome for end in hand.ends(held, last)] == ["cancelled", "unstarted"]

    def test_more_than_any_node_has_is_an_error_and_not_a_wait(self, tmp_path: Path) -> None:
        with self.lend(tmp_path) as hand:
            large, small = hand.run(place(hand.call("on_many_cpus", 1)), hand.call("add_one", 1))
            about = json.loads(large.error or b"{}")
            assert (large.outcome, about["type"], large.retry) == (
                "error",
                "ResourcesUnavailable",
                False,
            )
            assert about["message"] == (
                "step `on_many_cpus` asks for 10000 CPUs, and no node of the Ray cluster has them"
            )
            assert small.output == b"2"

    def test_a_worker_with_other_code_does_not_run_it(self, tmp_path: Path) -> None:
        file = tmp_path / "changing.py"
        place = f"{file}:FLOW"
        code = """
from raymill import Workflow


def say(_):
    return "before"


FLOW = Workflow("changing", say)
"""
        file.write_text(code)
        assert workflow_at(place).version  # it is taken when it is first asked for
        file.write_text(code.replace("before", "after"))
        with self.lend(tmp_path) as hand:
            call = hand.call("add_one", 1)
            call = call._replace(place=place, key=call.key._replace(step="say"))
            (end,) = hand.run(call)
            about = json.loads(end.error or b"{}")
            assert (end.outcome, end.retry, about["type"]) == ("error", False, "CodeChanged")
            assert about["message"].startswith(f"worker `{end.worker}` has version ")

    def test_a_worker_has_what_its_step_asks_for(self, tmp_path: Path) -> None:
        with self.lend(tmp_path) as hand:
            calls = [hand.call("own_cpus", 1), hand.call("add_one", 1), hand.call("own_cpus", 2)]
            first, other, again = hand.run(place(calls[0]), calls[1], place(calls[2]))
            assert (first.output, other.output, again.output) == (b"1.5", b"2", b"1.5")
            assert first.worker == again.worker
