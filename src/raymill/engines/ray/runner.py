"""`RayRunner`: one task over files and items on Ray."""

from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

from raymill.engines import totals
from raymill.engines.ray.cluster import Connection, dismiss
from raymill.engines.ray.engine import RayEngine
from raymill.engines.single import Config
from raymill.engines.single_runs import PathName, SingleRuns
from raymill.engines.totals import Totals
from raymill.errors import ConfigError


class RayRunner:
    """Runs tasks over files and items on Ray, with `num_actors` workers.

    The first run connects to `address` or, without one, starts a local cluster; `shutdown`, or the
    end of a `with` block, closes what this runner opened. Output is in the order of the input, and
    the same for every number of actors: a key has one owner, and so has a task without a key.

    with RayRunner(num_actors=4) as runner:
        runner.run_file("kalman_filter", "sensor.txt", "filtered.txt")
    """

    def __init__(self, num_actors: int = 4, address: str | None = None) -> None:
        if num_actors < 1:
            raise ConfigError(f"A run needs at least one actor, not {num_actors}")
        self.num_actors = num_actors
        self.metrics: Totals | None = None
        self._address = address
        self._connection = Connection()

    def run_file(
        self, task: Any, input: PathName, output: PathName | None = None, config: Config = None
    ) -> Totals:
        """Run a task over a file and give the totals; without an output only these are kept.

        task: a registered name, a declared task, or one with parameters, `KalmanFilterTask()`.
        config: parameters, `field` and `key` as a mapping, or a YAML or `.properties` file.
        Records that fail go to `OUTPUT.dead.jsonl`, without an output to `TASK.dead.jsonl`.
        """
        self.metrics = self._runs().file(task, input, output, config)
        return self.metrics

    def run_batch(
        self,
        task: Any,
        inputs: Iterable[PathName],
        output_dir: PathName | None = None,
        config: Config = None,
    ) -> Totals:
        """Run a task over files, each for itself; outputs bear the names of their inputs."""
        idle: list[Any] = []  # actors go from file to file, and hold no CPU once all are done
        try:
            self.metrics = self._runs(idle).batch(task, inputs, output_dir, config)
        finally:
            dismiss(idle)
        return self.metrics

    def run_stream(self, task: Any, data: Iterable[Any], config: Config = None) -> Totals:
        """Run a task over items in memory; gives `results`, one for each item, and `metrics`.

        A result is None where the record is held in a window, skipped, or failed; `metrics` counts
        which, with the reasons.
        """
        answered = self._runs().stream(task, data, config)
        self.metrics = answered["metrics"]
        return answered

    def export_metrics(self, *what: Any, format: str | None = None) -> None:
        """Write the totals of the last run: `export_metrics(path, format=None)`.

        format: `json` or `csv`, by the ending of the name unless given. The older form with the
        totals in front, `export_metrics(metrics, path, format)`, works as well.
        """
        given = [*what]
        older = given.pop(0) if given and isinstance(given[0], Mapping) else None
        if not given:
            raise ConfigError("Metrics need a file", hint='export_metrics("metrics.json")')
        path, kind = [*given, format][:2]
        totals.export(older or totals.known(self.metrics), path, kind)

    def shutdown(self) -> None:
        """Close the connection to Ray, if this runner opened it."""
        self._connection.close()

    def __enter__(self) -> "RayRunner":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.shutdown()

    def _runs(self, idle: list[Any] | None = None) -> SingleRuns:
        return SingleRuns(partial(self._engine, idle), self.num_actors)

    def _engine(self, idle: list[Any] | None) -> RayEngine:
        self._connection.open(self._address)
        return RayEngine(idle)
