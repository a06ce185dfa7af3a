"""Tasks on Ray actors. Classes and names are those of the older runner's tests.

Kalman filter by hand with q = 0, r = 1, p0 = 1, x = 0: the gains are 1/2, 1/3, 1/4, 1/5, so the
result is the sum of the values so far over one more than their number.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from raymill.engines.ray import RayTaskActor, create_ray_actor, create_ray_actors
from raymill.errors import ConfigError, TaskError, UnknownName
from raymill.tasks import KalmanFilterTask

pytestmark = [
    pytest.mark.ray,
    pytest.mark.usefixtures("ray_cluster"),
]
MEANS = {"q": 0.0, "r": 1.0, "p0": 1.0}


def ask(*calls: Any) -> Any:
    import ray

    answers = ray.get(list(calls), timeout=120)
    return answers[0] if len(calls) == 1 else answers


@pytest.fixture(scope="module")
def crew(ray_cluster: None) -> Iterator[list[Any]]:
    """Three actors of one task; whoever asks them names a key of his own, so the state is fresh."""
    import ray

    actors = create_ray_actors("kalman_filter", 3, {**MEANS, "key": "test"})
    yield actors
    for actor in actors:
        ray.kill(actor)


class Asked:
    """An actor, and the records of one test: the task keeps a state for each."""

    def __init__(self, actor: Any, test: str) -> None:
        self.actor = actor
        self.test = test

    def record(self, value: Any) -> dict[str, Any]:
        return {"test": self.test, "value": value}

    def process(self, value: Any) -> Any:
        return ask(self.actor.process.remote(self.record(value)))["value"]

    def process_batch(self, values: list[Any]) -> list[Any]:
        found = ask(self.actor.process_batch.remote([self.record(value) for value in values]))
        return [one and one["value"] for one in found]


@pytest.fixture
def asked(crew: list[Any], request: pytest.FixtureRequest) -> Asked:
    return Asked(crew[0], request.node.name)


class TestRayTaskActorBasics:
    def test_actor_creation(self, crew: list[Any]) -> None:
        assert ask(crew[0].get_task_name.remote()) == "kalman_filter"

    def test_actor_with_config(self, crew: list[Any]) -> None:
        assert ask(crew[0].get_config.remote()) == {**MEANS, "key": "test"}

    def test_invalid_task_name(self) -> None:
        with pytest.raises(UnknownName) as caught:
            RayTaskActor.remote("kalman_filte")
        assert "did you mean `kalman_filter`" in str(caught.value.hint)
        with pytest.raises(ConfigError):
            create_ray_actor("kalman_filter", {"r": -1})

    def test_helper_create_ray_actor(self) -> None:
        actor = create_ray_actor(KalmanFilterTask(**MEANS))
        assert ask(actor.process.remote(3.0)) == 1.5

    def test_helper_create_ray_actors(self, crew: list[Any]) -> None:
        assert len(crew) == 3
        each = [Asked(actor, "helper") for actor in crew]
        assert [one.process(2.0 * number) for number, one in enumerate(each)] == [0, 1, 2]


class TestRayTaskActorExecution:
    def test_process_single_item(self, asked: Asked) -> None:
        assert asked.process("3") == 1.5

    def test_process_multiple_items(self, asked: Asked) -> None:
        assert [asked.process(value) for value in (3, 3, 6)] == pytest.approx([1.5, 2.0, 3.0])

    def test_process_batch(self, asked: Asked) -> None:
        assert asked.process_batch([3, 3, 6, 8]) == pytest.approx([1.5, 2.0, 3.0, 4.0])

    def test_stateful_task(self, asked: Asked) -> None:
        assert asked.process(3) == 1.5
        assert asked.process_batch([3, 6]) == pytest.approx([2.0, 3.0])
        assert asked.process(8) == pytest.approx(4.0)


class TestRayTaskActorMetrics:
    def test_metrics_collection(self, crew: list[Any], asked: Asked) -> None:
        before = ask(crew[0].get_metrics.remote())
        asked.process_batch([1, 2, 3])
        asked.process(4)
        after = ask(crew[0].get_metrics.remote())
        assert after["total_processed"] - before["total_processed"] == 4
        assert after["errors"] == before["errors"]
        assert after["total_time"] > before["total_time"]
        assert after["avg_time"] == after["total_time"] / after["total_processed"]
        assert after["throughput"] == after["total_processed"] / after["total_time"]

    def test_metrics_with_none_results(self) -> None:
        actor = RayTaskActor.remote("block_window_average", {"window": 3})
        results = ask(actor.process_batch.remote([1, 2, 6, 4]))
        assert results == [None, None, 3.0, None]
        metrics = ask(actor.get_metrics.remote())
        assert (metrics["total_processed"], metrics["none_filtered"]) == (4, 3)
        assert (metrics["errors"], metrics["failed"]) == (0, {})


class TestRayTaskActorLifecycle:
    def test_tear_down(self) -> None:
        actor = create_ray_actor("noop")
        assert ask(actor.process.remote("a")) == "a"
        assert ask(actor.tear_down.remote()) is None
        assert ask(actor.get_metrics.remote())["total_processed"] == 1
        with pytest.raises(ConfigError, match="was torn down"):
            ask(actor.process.remote("b"))

    def test_multiple_actors_parallel(self, crew: list[Any], asked: Asked) -> None:
        calls = [crew[number % 3].process.remote(asked.record(number)) for number in range(6)]
        found = [one["value"] for one in ask(*calls)]
        first, second = [n / 2 for n in range(3)], [(n + n + 3) / 3 for n in range(3)]
        assert found == pytest.approx(first + second)

    def test_actor_isolation(self, crew: list[Any], request: pytest.FixtureRequest) -> None:
        one, other = (Asked(actor, request.node.name) for actor in crew[:2])
        assert [one.process(3), one.process(3)] == pytest.approx([1.5, 2.0])
        assert other.process(3) == 1.5


class TestRayTaskActorEdgeCases:
    def test_empty_string_input(self, asked: Asked) -> None:
        with pytest.raises(TaskError, match="`value` is not a number"):
            asked.process("")
        assert asked.process(3) == 1.5

    def test_none_input(self, asked: Asked) -> None:
        with pytest.raises(TaskError, match="`value` is null"):
            asked.process(None)
        assert asked.process(3) == 1.5

    def test_batch_with_errors(self, crew: list[Any], asked: Asked) -> None:
        before = ask(crew[0].get_metrics.remote())
        found = asked.process_batch([3, "x", 3, float("nan"), 6])
        assert found[::2] == pytest.approx([1.5, 2.0, 3.0])
        assert found[1::2] == [None, None]
        after = ask(crew[0].get_metrics.remote())
        assert after["total_processed"] - before["total_processed"] == 3
        assert after["errors"] - before["errors"] == 2
        assert after["failed"]["`value` is not a number"] >= 1
