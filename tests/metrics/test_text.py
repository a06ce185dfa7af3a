import csv

from prometheus_client.parser import text_string_to_metric_families

from raymill.metrics import Metrics, to_csv, to_prometheus, to_rows


def one_worker() -> Metrics:
    metrics = Metrics(elapsed_s=4.0)
    worker = metrics.worker(0)
    worker.records_in, worker.records_out, worker.busy_s = 12_000, 11_000, 2.0
    worker.bytes_in = 5_000
    worker.skip('said "no"\\', 900)
    worker.fail("x", 100)
    worker.latency.add(0.010, 12_000)
    return metrics


def test_csv_has_a_row_for_each_worker_and_the_total() -> None:
    rows = list(csv.DictReader(to_csv(one_worker()).splitlines()))
    assert [row["worker"] for row in rows] == ["0", "total"]
    assert rows[0]["records_skipped"] == "900"
    assert rows[0]["latency_p95_s"] == "0.01"
    assert rows[0]["skipped_by_reason"] == 'said "no"\\=900'
    assert [row["throughput"] for row in rows] == ["6000.0", "3000.0"]


def test_a_table_shows_workers_only_when_asked() -> None:
    total = (
        "total",
        "12,000",
        "11,000",
        "900",
        "100",
        "0",
        "3,000",
        "10.0 ms",
        "10.0 ms",
        "10.0 ms",
    )
    assert to_rows(one_worker()) == [total]
    assert [row[0] for row in to_rows(one_worker(), by_worker=True)] == ["0", "total"]


def test_prometheus_reads_what_is_written() -> None:
    families = {f.name: f for f in text_string_to_metric_families(to_prometheus(one_worker()))}
    read = families["raymill_records_in"].samples[0]
    assert (read.name, read.labels, read.value) == (
        "raymill_records_in_total",
        {"worker": "0"},
        12_000,
    )
    skipped = families["raymill_records_skipped"].samples[0]
    assert (skipped.labels["reason"], skipped.value) == ('said "no"\\', 900)
    latency = families["raymill_latency_seconds"]
    assert latency.type == "histogram"
    buckets = [s.value for s in latency.samples if s.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 12_000
    assert families["raymill_busy_seconds"].samples[0].value == 2.0
