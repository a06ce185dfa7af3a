import pickle
import subprocess
import sys

from raymill import json
from raymill.metrics import Metrics, WorkerMetrics


def two_workers() -> Metrics:
    metrics = Metrics(elapsed_s=2.0)
    first, second = metrics.worker(0), metrics.worker(1)
    first.records_in, first.records_out, first.busy_s, first.batches = 100, 90, 1.0, 2
    first.skip("out of range", 8)
    first.fail("not a number", 2)
    first.latency.add(0.010, 100)
    second.records_in, second.records_out, second.busy_s, second.batches = 60, 50, 2.0, 1
    second.skip("out of range", 6)
    second.skip("late", 4)
    second.latency.add(0.020, 60)
    return metrics


def test_the_total_is_the_sum_of_the_workers() -> None:
    total = two_workers().total
    assert (total.records_in, total.records_out, total.batches) == (160, 140, 3)
    assert total.skipped == {"out of range": 14, "late": 4}
    assert (total.records_skipped, total.records_failed) == (18, 2)
    assert total.latency.count == 160


def test_throughput_of_a_worker_counts_its_busy_time_and_that_of_a_run_all_of_it() -> None:
    metrics = two_workers()
    assert metrics.worker(0).throughput == 100.0
    assert metrics.worker(1).throughput == 30.0
    assert metrics.throughput == 80.0
    assert Metrics().throughput == WorkerMetrics().throughput == 0.0


def test_asking_for_the_total_changes_nothing() -> None:
    metrics = two_workers()
    assert metrics.total == metrics.total
    assert metrics == two_workers()


def test_parts_at_the_same_time_take_as_long_as_the_longer_one() -> None:
    metrics = two_workers()
    metrics.merge(two_workers())
    assert metrics.elapsed_s == 2.0
    assert metrics.worker(0).records_in == 200


def test_parts_after_one_another_take_the_sum() -> None:
    metrics = two_workers()
    metrics.merge(Metrics({"2": WorkerMetrics("2", records_in=5)}, 1.0), after=True)
    assert metrics.elapsed_s == 3.0
    assert metrics.total.records_in == 165


def test_a_reason_that_counts_nothing_is_not_listed() -> None:
    worker = WorkerMetrics()
    worker.skip("late", 0)
    assert worker.skipped == {}


def test_metrics_survive_json_and_pickle() -> None:
    metrics = two_workers()
    assert Metrics.from_dict(json.loads(json.dumps(metrics.to_dict()))) == metrics
    assert pickle.loads(pickle.dumps(metrics)) == metrics


def test_metrics_need_no_numpy() -> None:
    code = "import sys, raymill.metrics; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
