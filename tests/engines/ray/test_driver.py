"""The process that is connected to Ray: what it asks of Ray, and what it tells the pool."""

import socket
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from raymill.engines.ray.driver import Driver
from raymill.engines.ray.line import Line

TOKEN = b"t" * 32


class Actor:
    """An actor handle whose one call ends when the test says so."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.done: Future[None] = Future()
        self.serve = self

    def remote(self, host: str, port: int, token: bytes) -> "Actor":
        assert (host, port, token) == ("127.0.0.1", 7, TOKEN)
        return self

    def future(self) -> Future[None]:
        return self.done


class Ray:
    """Ray as the driver uses it, with nodes of so many CPUs."""

    def __init__(self, *cpus: float) -> None:
        self.cpus = list(cpus)
        self.actors: list[Actor] = []
        self.killed: list[Actor] = []

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": sum(self.cpus)}

    def nodes(self) -> list[dict[str, Any]]:
        gone = {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}}
        alive = [{"Alive": True, "Resources": {"CPU": cpus, "memory": 1e9}} for cpus in self.cpus]
        return [gone, *alive]

    def remote(self, kind: type) -> "Ray":
        return self

    def options(self, **options: Any) -> Any:
        self.actors.append(Actor(options))
        made = self.actors[-1]
        return type("Made", (), {"remote": staticmethod(lambda: made)})

    def kill(self, actor: Actor) -> None:
        self.killed.append(actor)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    pair = socket.socketpair()
    yield pair
    for end in pair:
        end.close()


def play(ends: Any, ray: Ray, *messages: Any, join_s: float = 0.0, most: int = 4) -> list[Any]:
    """Say something to a driver, hang up, and give what it told."""
    line = Line(ends[0])
    driver = Driver(ends[1], most, join_s, is_alone=True)
    for message in messages:
        driver.take(message)
    driver.take(None)
    driver.serve(ray)
    return list(line.receive())


def start(worker: int, cpus: float = -1.0, gpus: float = 0.0, memory: int = 0) -> tuple[Any, ...]:
    return ("start", worker, cpus, gpus, memory, "127.0.0.1", 7, TOKEN)


@pytest.mark.parametrize(
    ("cpus", "share"), [((2.0,), 0.5), ((16.0,), 1.0), ((2.0, 1.0), 0.75), ((), 1.0)]
)
def test_a_worker_that_needs_nothing_special_gets_an_even_share(
    ends: Any, cpus: tuple[float, ...], share: float
) -> None:
    ray = Ray(*cpus)
    play(ends, ray, start(1), join_s=60)
    (actor,) = ray.actors
    assert actor.options == {
        "num_cpus": share,
        "num_gpus": 0.0,
        "memory": None,
        "max_restarts": 0,
        "max_task_retries": 0,
    }


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ({"cpus": 2.0}, []),
        ({"cpus": 2.0, "memory": 10**9}, []),
        ({"cpus": 3.0}, [("unfit", 1)]),  # two nodes do not add up
        ({"cpus": 1.0, "gpus": 1.0}, [("unfit", 1)]),
        ({"cpus": 1.0, "memory": 10**9 + 1}, [("unfit", 1)]),
    ],
)
def test_what_no_node_that_is_alive_can_hold_is_told(ends: Any, needs: Any, told: Any) -> None:
    ray = Ray(2.0, 2.0)
    assert play(ends, ray, start(1, **needs)) == [("up", "127.0.0.1"), *told]
    assert ray.killed == (ray.actors if told else [])


def test_a_node_may_join_in_time(ends: Any) -> None:
    ray = Ray(1.0)
    line, driver = Line(ends[0]), Driver(ends[1], 4, 60.0, is_alone=True)
    driver.take(start(1, cpus=2.0))
    driver.take(None)
    driver.serve(ray)
    ray.cpus.append(2.0)
    driver.look()
    ray.cpus.pop()
    driver.look()
    assert list(line.receive()) == [("up", "127.0.0.1")]
    assert ray.killed == []


def test_an_actor_whose_call_ended_is_killed_and_told_with_the_reason(ends: Any) -> None:
    ray = Ray(2.0)
    line, driver = Line(ends[0]), Driver(ends[1], 4, 0.0, is_alone=True)
    for worker in (1, 2):
        driver.take(start(worker))
    driver.take(None)
    driver.serve(ray)
    ray.actors[0].done.set_exception(MemoryError("all taken"))
    ray.actors[1].done.set_result(None)
    driver.take(("kill", 1))
    driver.take(("ping",))
    driver.take(None)
    driver.serve(ray)
    assert list(line.receive()) == [
        *[("up", "127.0.0.1")] * 2,
        ("over", 1, "MemoryError", "all taken"),
        ("over", 2, "", ""),
        ("pong",),
    ]
    assert ray.killed == ray.actors
