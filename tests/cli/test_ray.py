"""`raymill ray`: the older commands with their block of totals, and `raymill run --engine ray`."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from cli.running import READINGS, process

pytestmark = [pytest.mark.ray]


def ray(folder: Path, *arguments: str, address: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run a command, on a cluster of its own unless there is an address."""
    env = {**os.environ, **({"RAYMILL_RAY_ADDRESS": address} if address else {})}
    return process(folder, *arguments, env=env, timeout=300)


def figures(text: str) -> list[str]:
    """The block without what differs from run to run."""
    return re.sub(r"\d+\.\d\ds|\d+\.\d records", "N records", text).splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("3\n4\n5\n")
    (tmp_path / "b.txt").write_text("3\nx\n")
    (tmp_path / "readings.csv").write_text(READINGS)
    return tmp_path


def test_run_file_prints_the_documented_block(folder: Path) -> None:
    done = ray(folder, "ray", "run-file", "noop", "a.txt", "-o", "out.txt", "-a", "2")
    assert done.returncode == 0, done.stderr
    assert figures(done.stdout.decode()) == [
        "Starting Ray execution: task=noop, actors=2",
        "Input: a.txt",
        "Output: out.txt",
        "",
        "=" * 60,
        "Ray Execution Complete!",
        "=" * 60,
        "Total records:      3",
        "Processed:          3",
        "Valid results:      3",
        "None filtered:      0",
        "Errors:             0",
        "Total time:         N records",
        "Throughput:         N records/sec",
        "Actors used:        2",
        "=" * 60,
    ]
    assert (folder / "out.txt").read_text() == "3\n4\n5\n"


def test_run_batch_prints_the_documented_block(folder: Path, ray_address: str) -> None:
    named = ("ray", "run-batch", "kalman_filter", "a.txt", "b.txt", "-o", "out", "-a", "2", "-v")
    done = ray(folder, *named, address=ray_address)
    assert done.returncode == 0, done.stderr
    shown = figures(done.stdout.decode())
    assert shown[:13] == [
        "Starting Ray batch processing: task=kalman_filter, actors=2",
        "Files to process: 2",
        "Output directory: out",
        "",
        "=" * 60,
        "Ray Batch Processing Complete!",
        "=" * 60,
        "Files processed:    2",
        "Total records:      5",
        "Processed:          4",
        "Errors:             1",
        "Batch time:         N records",
        "Throughput:         N records/sec",
    ]
    assert shown[14].split()[0] == "actor"
    assert done.stderr.decode().startswith("warning: 1 record failed: ")
    # a fresh state for each file: both begin with 3 * 30.125 / 30.445
    firsts = [(folder / "out" / name).read_text().split()[0] for name in ("a.txt", "b.txt")]
    assert firsts == ["2.968467728691082", "2.968467728691082"]


def test_run_gives_the_bytes_of_the_local_engine(folder: Path, ray_address: str) -> None:
    named = ("run", "kalman_filter", "readings.csv", "--field", "temperature", "--key", "sensor")
    local = ray(folder, *named)
    done = ray(folder, *named, "--engine", "ray", "--workers", "2", address=ray_address)
    assert done.returncode == 0, done.stderr
    assert done.stdout == local.stdout
    assert done.stderr.startswith(b"kalman_filter on ray, 2 workers\n")


def test_a_series_shares_one_cluster(folder: Path) -> None:
    named = ("run", "noop", "a.txt", "readings.csv", "-o", "out/", "--engine", "ray")
    done = ray(folder, *named)
    assert done.returncode == 0, done.stderr
    assert (folder / "out" / "readings.csv").read_text() == READINGS


def test_a_cluster_that_cannot_be_reached_is_three(folder: Path) -> None:
    done = ray(folder, "run", "noop", "a.txt", "--engine", "ray", address="127.0.0.1:1")
    assert done.returncode == 3, done.stderr
    assert b"error: Ray cluster `127.0.0.1:1` cannot be reached" in done.stderr
