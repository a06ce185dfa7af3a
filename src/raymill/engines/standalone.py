"""`StandaloneRunner`: one task over files and items in this process, twin of `RayRunner`."""

from collections.abc import Iterable
from typing import Any

from raymill.engines import totals
from raymill.engines.local import LocalRunner
from raymill.engines.single import Config
from raymill.engines.single_runs import PathName, SingleRuns
from raymill.engines.totals import Totals


class StandaloneRunner:
    """Runs one task over files and items, in this process.

    task: a registered name, a declared task, or one with parameters such as `KalmanFilterTask()`.
    config: parameters, `field` and `key` as a mapping, or a YAML or `.properties` file.

    >>> runner = StandaloneRunner("block_window_average", {"window": 2})
    >>> runner.run_stream([1.0, 3.0, 5.0])["results"]
    [None, 2.0, None]
    """

    def __init__(self, task: Any, config: Config = None) -> None:
        self.task = task
        self.config = config
        self.metrics: Totals | None = None
        self._runs = SingleRuns(LocalRunner)

    def run_file(self, input: PathName, output: PathName | None = None) -> Totals:
        """Run over a file and give the totals; without an output only these are kept."""
        self.metrics = self._runs.file(self.task, input, output, self.config)
        return self.metrics

    def run_batch(self, inputs: Iterable[PathName], output_dir: PathName | None = None) -> Totals:
        """Run over files, each for itself; in `output_dir` outputs bear the names of inputs."""
        self.metrics = self._runs.batch(self.task, inputs, output_dir, self.config)
        return self.metrics

    def run_stream(self, data: Iterable[Any]) -> Totals:
        """Run over items in memory; gives `results`, one for each item, and `metrics`."""
        answered = self._runs.stream(self.task, data, self.config)
        self.metrics = answered["metrics"]
        return answered

    def export_metrics(self, path: PathName, format: str | None = None) -> None:
        """Write the totals of the last run as `json` or `csv`, by the file's ending or `format`."""
        totals.export(totals.known(self.metrics), path, format)
