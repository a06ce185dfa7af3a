"""A task over files and items on Ray. Classes and names are those of the older runner's tests.

Kalman filter by hand as in `test_actor.py`: with q = 0, r = 1, p0 = 1 the result is the sum of the
values so far over one more than their number; of 1, 2, ..., n it is n / 2.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raymill.engines.ray import RayRunner
from raymill.errors import ConfigError, InputError, UnknownName
from raymill.tasks import KalmanFilterTask

pytestmark = [
    pytest.mark.ray,
    pytest.mark.usefixtures("ray_cluster"),
]
MEANS = {"q": 0.0, "r": 1.0, "p0": 1.0}
HALVES = [n / 2 for n in range(1, 11)]


def numbers(path: Path, count: int = 10) -> Path:
    path.write_text("".join(f"{n}\n" for n in range(1, count + 1)))
    return path


def values(path: Path) -> list[float]:
    return [float(line) for line in path.read_text().split()]


@pytest.fixture(scope="module")
def runner(ray_cluster: None) -> Iterator[RayRunner]:
    with RayRunner(num_actors=2) as runner:
        yield runner


@pytest.fixture(scope="module")
def alone(ray_cluster: None) -> Iterator[RayRunner]:
    """One actor, where their number is not the point: each takes seconds to start."""
    with RayRunner(num_actors=1) as runner:
        yield runner


class Ran:
    """One run over ten lines, looked at by several tests."""

    def __init__(self, runner: RayRunner, folder: Path) -> None:
        self.input = numbers(folder / "input.txt")
        self.output = folder / "output.txt"
        self.metrics = runner.run_file(KalmanFilterTask(**MEANS), self.input, self.output)


@pytest.fixture(scope="module")
def ran(runner: RayRunner, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(runner, tmp_path_factory.mktemp("ran"))


@pytest.fixture(scope="module")
def wide(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Twelve pieces on four actors."""
    with RayRunner(num_actors=4) as runner:
        return runner.run_stream("noop", [float(n) for n in range(12_000)])


class TestRayRunnerBasics:
    def test_runner_creation(self) -> None:
        assert RayRunner(num_actors=2).num_actors == 2
        with pytest.raises(ConfigError, match="at least one actor"):
            RayRunner(num_actors=0)

    def test_runner_default_actors(self) -> None:
        assert RayRunner().num_actors == 4

    def test_context_manager(self) -> None:
        import ray

        with RayRunner(num_actors=1) as runner:
            assert runner.run_stream("noop", [])["results"] == []
        assert ray.is_initialized(), "what the runner did not start, it leaves"


class TestRayRunnerStream:
    def test_run_stream_basic(self, wide: dict[str, Any]) -> None:
        assert wide["results"] == [float(n) for n in range(12_000)]
        assert wide["metrics"]["total_items"] == 12_000
        assert wide["metrics"]["valid_results"] == 12_000

    def test_run_stream_with_config(self, runner: RayRunner) -> None:
        records = [
            {"who": name, "t": value} for name, value in zip("abab", (2, 4, 4, 8), strict=True)
        ]
        config = {**MEANS, "field": "t", "key": "who", "as_": "smooth"}
        results = runner.run_stream("kalman_filter", records, config)["results"]
        assert [one["smooth"] for one in results] == pytest.approx([1.0, 2.0, 2.0, 4.0])
        assert [one["t"] for one in results] == [2, 4, 4, 8]

    def test_run_stream_empty_data(self, runner: RayRunner) -> None:
        found = runner.run_stream("kalman_filter", [])
        assert (found["results"], found["metrics"]["total_items"]) == ([], 0)

    def test_run_stream_stateful_task(self, alone: RayRunner) -> None:
        found = alone.run_stream("block_window_average", [1, 3, "x", 5, 7, 9], {"window": 2})
        assert found["results"] == [None, 2.0, None, None, 6.0, None]
        metrics = found["metrics"]
        assert (metrics["valid_results"], metrics["none_filtered"], metrics["errors"]) == (2, 3, 1)
        assert metrics["skipped"] == {"incomplete window": 1}
        assert metrics["failed"] == {"`value` is not a number": 1}


class TestRayRunnerFile:
    def test_run_file_basic(self, ran: Ran) -> None:
        assert ran.metrics["total_records"] == ran.metrics["processed_records"] == 10
        assert values(ran.output) == pytest.approx(HALVES)

    def test_run_file_no_output(
        self, alone: RayRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        metrics = alone.run_file("noop", numbers(tmp_path / "input.txt"))
        assert metrics["total_records"] == metrics["valid_results"] == 10
        assert [path.name for path in tmp_path.iterdir()] == ["input.txt"]

    def test_run_file_with_config(self, alone: RayRunner, tmp_path: Path) -> None:
        config = tmp_path / "tasks.properties"
        config.write_text("AGGREGATE.BLOCK_COUNT.WINDOW_SIZE=4\nIO.MQTT_PUBLISH.APOLLO_URL=none\n")
        output = tmp_path / "output.txt"
        source = numbers(tmp_path / "input.txt")
        metrics = alone.run_file("block_window_average", str(source), str(output), str(config))
        assert values(output) == [2.5, 6.5]
        assert (metrics["valid_results"], metrics["none_filtered"]) == (2, 8)

    def test_run_file_missing_input(self, runner: RayRunner, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"missing\.txt"):
            runner.run_file("noop", tmp_path / "missing.txt")


class TestRayRunnerBatch:
    def test_run_batch_multiple_files(self, alone: RayRunner, tmp_path: Path) -> None:
        inputs = [numbers(tmp_path / f"input{n}.txt", 5) for n in range(3)]
        metrics = alone.run_batch("kalman_filter", inputs, tmp_path / "out", MEANS)
        assert (metrics["files_processed"], metrics["total_records"]) == (3, 15)
        assert [one["file"] for one in metrics["file_metrics"]] == [str(path) for path in inputs]
        for path in inputs:  # each file for itself: no state goes from one to the next
            assert values(tmp_path / "out" / path.name) == pytest.approx(HALVES[:5])

    def test_run_batch_no_output_dir(self, alone: RayRunner, tmp_path: Path) -> None:
        inputs = [numbers(tmp_path / f"input{n}.txt", 1) for n in range(2)]
        metrics = alone.run_batch("noop", inputs)
        assert (metrics["files_processed"], metrics["processed_records"]) == (2, 2)


class TestRayRunnerMetrics:
    def test_metrics_structure(self, ran: Ran) -> None:
        assert set(ran.metrics) == {
            "total_records",
            "processed_records",
            "valid_results",
            "none_filtered",
            "errors",
            "skipped",
            "failed",
            "total_time",
            "throughput",
            "num_actors",
            "actor_metrics",
        }
        assert ran.metrics["num_actors"] == len(ran.metrics["actor_metrics"]) == 2
        assert set(ran.metrics["actor_metrics"][0]) == {
            "actor",
            "total_processed",
            "total_time",
            "errors",
            "none_filtered",
            "avg_time",
            "throughput",
        }

    def test_export_metrics_json(self, runner: RayRunner, ran: Ran, tmp_path: Path) -> None:
        runner.metrics = ran.metrics
        runner.export_metrics(tmp_path / "metrics.json")
        assert json.loads((tmp_path / "metrics.json").read_text()) == ran.metrics

    def test_export_metrics_csv(self, runner: RayRunner, ran: Ran, tmp_path: Path) -> None:
        runner.export_metrics(ran.metrics, str(tmp_path / "metrics.txt"), format="csv")
        with (tmp_path / "metrics.txt").open() as file:
            rows = dict(csv.reader(file))
        assert rows["metric"] == "value"
        assert (rows["total_records"], rows["errors"]) == ("10", "0")
        parts = [int(rows[f"actor_metrics.{n}.total_processed"]) for n in range(2)]
        assert sum(parts) == 10

    def test_export_metrics_invalid_format(
        self, runner: RayRunner, ran: Ran, tmp_path: Path
    ) -> None:
        with pytest.raises(UnknownName, match="`xml`"):
            runner.export_metrics(ran.metrics, tmp_path / "metrics.json", format="xml")
        assert not (tmp_path / "metrics.json").exists()


class TestRayRunnerParallelism:
    def test_multiple_actors_distribution(self, wide: dict[str, Any]) -> None:
        parts = [one["total_processed"] for one in wide["metrics"]["actor_metrics"]]
        assert parts == [3000, 3000, 3000, 3000]

    def test_single_actor_vs_multiple(self, alone: RayRunner, tmp_path: Path, ran: Ran) -> None:
        metrics = alone.run_file("kalman_filter", ran.input, tmp_path / "one.txt", MEANS)
        assert metrics["processed_records"] == ran.metrics["processed_records"]
        assert (tmp_path / "one.txt").read_bytes() == ran.output.read_bytes()
