"""A task on a Ray actor: asked item by item, with the state of its keys kept between the calls."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from raymill.engines.live import LiveTask
from raymill.engines.ray.cluster import import_ray, initialize_ray
from raymill.engines.single import Config, single
from raymill.errors import ConfigError, TaskError


class RayTaskActor:
    """A task that lives on a Ray actor and answers what it is sent.

    `RayTaskActor.remote("kalman_filter", {"q": 0.1})` makes the actor, and
    `ray.get(actor.process.remote(21.5))` asks it. Each actor has a state of its own: to run one
    stream over several, use `RayRunner`, which sends every key to the one actor that owns it.
    """

    def __init__(self, task: Any, config: Config = None) -> None:
        self._live: LiveTask | None = LiveTask.of(task, config)
        self._name = self._live.task.name
        self._config = dict(config) if isinstance(config, Mapping) else config
        self._processed = self._errors = self._none = 0
        self._failed: dict[str, int] = {}
        self._total_s = 0.0

    @classmethod
    def remote(cls, task: Any, config: Config = None) -> Any:
        """Make the actor on Ray. Raises UnknownName, ConfigError here, and not on first use."""
        return create_ray_actor(task, config)

    def process(self, data: Any) -> Any:
        """Answer one item; None where it is held in a window or skipped.

        Raises TaskError where the record fails.
        """
        results = self._answer([data])
        if isinstance(results, str):
            raise TaskError(f"Task `{self._name}` failed: {results}", record=data)
        return results[0]

    def process_batch(self, data_items: Sequence[Any]) -> list[Any]:
        """Answer items in order; one that fails is None, and is counted with its reason."""
        results = self._answer(list(data_items), alone=False)
        assert isinstance(results, list)
        return results

    def get_metrics(self) -> dict[str, Any]:
        """What this actor did so far; `failed` counts the reasons of `errors`."""
        busy = self._total_s
        return {
            "total_processed": self._processed,
            "total_time": busy,
            "errors": self._errors,
            "failed": dict(self._failed),
            "none_filtered": self._none,
            "avg_time": busy / self._processed if self._processed else 0.0,
            "throughput": self._processed / busy if busy else 0.0,
        }

    def tear_down(self) -> None:
        """Let the task and its state go; the metrics stay."""
        self._live = None

    def get_task_name(self) -> str:
        """The name of the task."""
        return self._name

    def get_config(self) -> Any:
        """The configuration as it was given."""
        return self._config

    def _answer(self, items: list[Any], *, alone: bool = True) -> list[Any] | str:
        """The results; for an item that is alone and failed, the reason."""
        if self._live is None:
            raise ConfigError(
                f"Task `{self._name}` was torn down", hint="make another actor with it"
            )
        begun = time.perf_counter()
        given = self._live.answer(items)
        self._total_s += time.perf_counter() - begun
        self._processed += len(items) - len(given.failed)
        self._errors += len(given.failed)
        self._none += sum(one is None for one in given.results) - len(given.failed)
        for reason in given.failed.values():
            self._failed[reason] = self._failed.get(reason, 0) + 1
        if alone and given.failed:
            return given.failed[0]
        return given.results


def create_ray_actor(task: Any, config: Config = None) -> Any:
    """Make an actor for a task; gives its handle. Starts Ray where this process has none.

    Raises UnknownName with near matches, ConfigError, EngineUnavailable.
    """
    return create_ray_actors(task, 1, config)[0]


def create_ray_actors(task: Any, num_actors: int, config: Config = None) -> list[Any]:
    """Make several actors for a task, each with a state of its own; gives their handles."""
    one = single(task, config)
    initialize_ray()
    remote = import_ray().remote(RayTaskActor)
    given = dict(config) if isinstance(config, Mapping) else one.given
    return [remote.remote(one.task, given) for _ in range(num_actors)]
