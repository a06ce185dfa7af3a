"""Every example runs, and says what it is there to show.

Expected lines: the Kalman filter of example 1 begins with p = 30.01, so that the first result is
25.5 * 30.01 / 31.01 = 24.68; the rest is read off the data of each example by hand, or (the buoy's)
counted with awk: 627 of 19,226 readings lie above 20 degrees. Weeks by epoch time begin on
Thursdays: from 11 February 2016 to 16 March 2017 there are 57, and the last is open at the end.
What a screen and a backtest of the sample prices give was found by a loop in plain Python too.
"""

import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from raymill.engines.ray import cluster

pytestmark = pytest.mark.system

EXAMPLES = Path(__file__).parents[2] / "examples"
PACKAGE = EXAMPLES / "08_third_party_package"

LOCAL = {
    "01_run_a_task.py": [" 25.5     24.68", "10 records in, 10 out"],
    "02_your_own_task.py": [
        "called as the plain function that it is: 12.0",
        "{'room': 'cellar', 'temperature': 14.0, 'humidity': 90.0, 'dew_point': 12.0}",
        "skipped: {'too dry': 1}, failed: {'`humidity` is null': 1}",
    ],
    "03_pipeline.py": [
        "19,226 readings in, 18,599 out",
        "  range_filter: 18,599 out, skipped {'out of range: temperature (celsius)': 627}",
    ],
    "04_graph.py": ["19,226 readings, 57 weeks"],
    "05_event_time.py": [
        "sensor a, second   0 to  60: mean  21.0",
        "sensor b, second   0 to  60: mean   5.5",
        "sensor b, second  60 to 120: mean   7.0",
        "skipped: {'late': 1}",
    ],
    "06_checkpoint_and_resume.py": [
        "interrupted; there is smooth.csv.partial, state, undisturbed.csv",
        "same bytes as the undisturbed run: yes",
    ],
    "09_ticks.py": [
        "1,440 ticks of one hour are stored: symbol, ts, price, volume, bid, ask, source",
        "SIM1/USD: 60 means of a minute",
        "the same as they came: yes",
    ],
    "10_screen.py": [
        "12,154 bars of AAPL, FB, GOOG, IBM, MSFT",
        "2009-03-10: 0 of 4 match, 0 unknown",
        "2013-03-02: 2 of 5 match, 1 unknown",
        "  GOOG: 806.19 above 678.89, +29.5% in a year",
    ],
    "11_backtest.py": [
        "2,148 bars of GOOG, 2004-08-19 to 2013-03-01",
        "final equity 3.7929, 4 closed trades",
        "cash and position make the equity: yes",
        "looks ahead: no",
    ],
    "12_arbitrage.py": [
        "6 quotes of a, b: 1 opportunity",
        "2.2 s to 2.4 s, 2 looks",
        "= 29.92 bps; 2 * (100.3995 - 100.1) = 0.599 USDT",
        "  10.09090909 * 9.99 * 0.00999 - 1 = 70.74 bps",
    ],
}
ON_RAY = {
    "07a_ray_basic.py": ["25.5   24.68", "10 records by 1 actor(s)"],
    "07b_ray_scaling.py": ["pi is about 3.141593", "same results each time: yes"],
    "07c_ray_stateful_window.py": [
        "reading  6: mean of three at cellar: 1.0",
        "reading 17: mean of three at garden: 24.0",
        "12 readings wait in windows, 6 answer",
    ],
    "07d_ray_many_files.py": ["day-1.txt: 22.75, 23.08", "3 files, 72 records"],
    "07e_local_against_ray.py": ["same bytes: yes"],
    "07f_ray_metrics_export.py": [
        "failed: {'`value` is not a number': 1, '`value` is null': 1}",
        "total_records,5",
    ],
    "07g_ray_stream.py": [
        " broken -> none",
        "5 results, 1 error",
        "one actor, asked item by item:",
    ],
}


def test_every_example_is_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*LOCAL, *ON_RAY}


def told_by(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


@pytest.mark.parametrize("name", LOCAL)
def test_an_example_runs(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = told_by(name, capsys)
    assert [line for line in LOCAL[name] if line not in told] == []
    assert list(tmp_path.iterdir()) == [], "an example leaves nothing behind"


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize("name", ON_RAY)
def test_an_example_on_ray_runs(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, "1"])
    told = told_by(name, capsys)
    assert [line for line in ON_RAY[name] if line not in told] == []
    assert cluster.import_ray().is_initialized(), "the cluster of the tests is not theirs to stop"


def laid_out(folder: Path) -> Path:
    """The package as an installer leaves it: the module, and its metadata beside it."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    module = PACKAGE / "raymill_weather.py"
    (folder / module.name).write_text(module.read_text())
    about = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    head = f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n"
    (about / "METADATA").write_text(head)
    ((group, points),) = project["entry-points"].items()
    lines = "".join(f"{name} = {where}\n" for name, where in points.items())
    (about / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    return folder


def run_with(folder: Path, *command: str) -> str:
    import os

    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *command], env=env, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_package_of_ones_own_adds_a_task_by_its_name(tmp_path: Path) -> None:
    # -10 degrees at 30 km/h feel like -19.5 by Environment Canada's table (-20, rounded)
    folder = laid_out(tmp_path)
    told = run_with(folder, str(PACKAGE / "use_it.py"))
    assert told == "quay: -10.0 feels like -19.5\nhall: 18.0 feels like 18.0\n"
    assert "wind_chill" in run_with(folder, "-m", "raymill", "tasks", "ls")
