"""`raymill sweep`: choices, judging, keeping and going on."""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli.running import Done, Shell, process
from market.bars import walk

GRID = ("--grid", "fast=2,5,30", "--grid", "slow=10:30:10")


def write_prices(sh: Shell, count: int = 400) -> None:
    bars = walk(count)
    columns = (bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume)
    rows = ["date,open,high,low,close,volume"]
    for ts, *numbers in zip(*(column.tolist() for column in columns), strict=True):
        day = time.strftime("%Y-%m-%d", time.gmtime(ts / 1e6))
        rows.append(",".join([day, *map(repr, numbers)]))
    sh.write("ABC.csv", "\n".join(rows) + "\n")


@pytest.fixture
def swept(sh: Shell) -> Shell:
    """A folder with a random walk, and `raymill sweep sma_cross` over it."""
    write_prices(sh)
    return sh


def run(sh: Shell, *more: str) -> Done:
    return sh("sweep", "sma_cross", "--data", "ABC.csv", "--fee-bps", "10", *more)


def test_the_best_sets_are_shown_with_what_chance_would_show(swept: Shell) -> None:
    done = run(swept, *GRID, "--best", "2")
    assert done.code == 0
    head, *rows = done.out.splitlines()
    assert head.split()[:4] == ["fast", "slow", "final_equity", "sharpe"]
    assert len(rows) == 2
    assert "6 sets over 400 bars in" in done.err
    assert "3 sets are left out: `fast` must be below `slow`, not 30 and 10" in done.err
    assert "deflated Sharpe of the best: 0." in done.err
    assert "after 6 trials; chance alone would show a Sharpe of" in done.err


def test_json_names_parameters_and_figures(swept: Shell) -> None:
    found = json.loads(run(swept, *GRID, "--best", "1", "--metric", "final_equity", "--json").out)
    assert (found["trials"], found["left_out"], found["metric"]) == (6, 3, "final_equity")
    (best,) = found["best"]
    fast, slow = (best["parameters"][name] for name in ("fast", "slow"))
    command = ("--set", f"fast={fast}", "--set", f"slow={slow}", "--fee-bps", "10", "--json")
    alone = json.loads(swept("backtest", "sma_cross", "--data", "ABC.csv", *command).out)
    for name in ("final_equity", "sharpe", "max_drawdown", "closed_trades"):
        assert best[name] == pytest.approx(alone[name], rel=1e-9)
    assert best["out_of_sample"] is None


def test_the_best_sets_are_judged_on_bars_that_are_held_back(swept: Shell) -> None:
    found = json.loads(run(swept, *GRID, "--holdout", "0.4", "--json").out)
    assert found["embargo"] == 30
    assert found["best"][0]["out_of_sample"]["final_equity"] > 0
    assert "later sharpe" in run(swept, *GRID, "--holdout", "0.4").out


def test_walk_forward_chooses_again_and_again(swept: Shell) -> None:
    found = json.loads(run(swept, *GRID, "--walk", "3", "--json").out)
    assert [one["test_bars"] for one in found["walk"]] == [[200, 266], [266, 332], [332, 400]]
    assert [one["train_bars"] for one in found["walk"]] == [[0, 170], [66, 236], [132, 302]]
    grown = 1.0
    for one in found["walk"]:
        grown *= one["test"]["final_equity"]
    assert found["walk_together"]["final_equity"] == pytest.approx(grown)
    anchored = json.loads(run(swept, *GRID, "--walk", "3", "--anchored", "--json").out)
    assert [one["train_bars"][0] for one in anchored["walk"]] == [0, 0, 0]
    lines = run(swept, *GRID, "--walk", "3").out.splitlines()
    assert lines[-1].split()[0] == "all"


def test_random_sets_and_those_of_a_file_are_run(swept: Shell) -> None:
    choices = ("--grid", "fast=2:9", "--grid", "slow=10:60", "--random", "25", "--json")
    one, same, other = (
        json.loads(run(swept, *choices, "--seed", seed).out)["best"] for seed in ("1", "1", "2")
    )
    assert one == same != other
    swept.write("sets.csv", "fast,slow\n3,9\n4,16\n")
    found = json.loads(run(swept, "--sets", "sets.csv", "--set", "short=true", "--json").out)
    assert sorted(one["parameters"]["slow"] for one in found["best"]) == [9, 16]
    assert {one["parameters"]["short"] for one in found["best"]} == {True}


def test_all_sets_are_written_to_a_file(swept: Shell) -> None:
    for name in ("all.parquet", "all.csv", "all.jsonl"):
        assert run(swept, *GRID, "-o", name).code == 0
    rows = pq.read_table(swept.folder / "all.parquet").to_pylist()
    assert len(rows) == 6
    assert rows[0]["fast"] == 2
    assert len(swept.read("all.csv").splitlines()) == 7
    assert json.loads(swept.read("all.jsonl").splitlines()[0])["slow"] == 10


def test_what_is_kept_is_gone_on_with(swept: Shell) -> None:
    first = run(swept, *GRID, "--checkpoint", "kept", "--json")
    again = run(swept, *GRID, "--checkpoint", "kept", "--resume", "--json")
    assert json.loads(first.out)["best"] == json.loads(again.out)["best"]
    refused = run(swept, *GRID, "--checkpoint", "kept")
    assert (refused.code, refused.err) == (
        2,
        "error: `kept` holds a sweep already\nhint: go on with it: --resume\n",
    )
    other = run(swept, *GRID, "--checkpoint", "kept", "--resume", "--cash", "5")
    assert "holds another sweep: cash differs" in other.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "There is nothing to try"),
        (("--grid", "fats=1"), "did you mean `fast`?"),
        (("--grid", "fast=0:3"), "Parameter `fast` of strategy `sma_cross` cannot be 0"),
        (("--grid", "fast=5:"), "`fast=5:` is no range"),
        (("--grid", "fast"), "`--grid fast` gives no value"),
        ((*GRID, "--metric", "sharp"), "Unknown figure `sharp`\nhint: did you mean `sharpe`?"),
        ((*GRID, "--holdout", "0.5", "--walk", "2"), "exclude each other"),
        ((*GRID, "--holdout", "0.99"), "too few for 1 folds with an embargo of 30 bars"),
        ((*GRID, "--sets", "sets.csv"), "A file of sets takes no other choices"),
        (("--sets", "none.csv"), "`none.csv` cannot be read"),
        ((*GRID, "-o", "all.xls"), "does not say in which format"),
        ((*GRID, "--engine", "rya"), "Unknown engine `rya`\nhint: did you mean `ray`?"),
        ((*GRID, "--workers", "0"), "`--workers 0` is no number of workers"),
    ],
)
def test_what_cannot_be_swept_says_why(
    swept: Shell, arguments: tuple[str, ...], message: str
) -> None:
    done = run(swept, *arguments)
    assert done.code == 2
    assert message in done.err


def test_little_work_stays_here_and_a_record_says_what_was_run(swept: Shell) -> None:
    done = run(swept, *GRID, "--engine", "local", "--workers", "2", "--seed", "4", "--json")
    found = json.loads(done.out)
    assert (found["engine"], found["workers"]) == ("serial", 1)
    assert done.err.splitlines()[-1].endswith("s (serial)")
    record = found["record"]
    assert record["sets"]["count"] == 6
    assert record["sets"]["varied"] == ["fast", "slow"]
    assert (record["strategy"], record["seed"], record["state"]) == ("sma_cross", 4, "completed")
    assert (record["data"][0]["symbol"], record["data"][0]["bars"]) == ("ABC", 400)
    assert record["files"][0]["data"] == "ABC.csv"
    assert len(record["code"]["strategy"]) == 64
    assert (record["engine"], record["error"]) == ("serial", None)
    again = json.loads(run(swept, *GRID, "--seed", "4", "--json").out)["record"]
    other = json.loads(run(swept, *GRID, "--seed", "5", "--json").out)["record"]
    assert again["id"] == record["id"] != other["id"]
    assert again["table_sha256"] == record["table_sha256"]


def test_the_record_lies_beside_what_is_kept_and_says_how_it_ended(swept: Shell) -> None:
    swept.write("wrong.py", WRONG)
    arguments = ("--grid", "weight=0.5,1.0", "--checkpoint", "kept", "--resume")
    command = ("sweep", "wrong.py:Wrong", "--data", "ABC.csv", *arguments)
    assert swept(*command).err.startswith("error: LookupError: nothing to decide on")
    record = json.loads(swept.read("kept/record.json"))
    assert record["state"] == "failed"
    assert record["error"] == {"type": "LookupError", "message": "nothing to decide on"}
    run(swept, *GRID, "--checkpoint", "other")
    assert json.loads(swept.read("other/record.json"))["state"] == "completed"


def test_the_folds_of_a_walk_are_kept_too(swept: Shell) -> None:
    first = run(swept, *GRID, "--walk", "2", "--checkpoint", "kept", "--json")
    folds = [swept.folder / "kept" / name for name in ("fold-0", "fold-1")]
    there = [path.stat().st_mtime_ns for fold in folds for path in fold.glob("*.f8")]
    assert len(there) >= 2
    again = run(swept, *GRID, "--walk", "2", "--checkpoint", "kept", "--resume", "--json")
    assert there == [path.stat().st_mtime_ns for fold in folds for path in fold.glob("*.f8")]
    assert json.loads(first.out)["walk"] == json.loads(again.out)["walk"]


def test_an_engine_that_is_not_installed_says_so(
    swept: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = run(swept, *GRID, "--engine", "ray")
    assert (done.code, done.err) == (
        3,
        "error: Engine `ray` is not installed\nhint: pip install 'raymill[ray]'\n",
    )


WRONG = """
from dataclasses import dataclass
from raymill.market.strategy import Strategy

@dataclass
class Wrong(Strategy):
    weight: float = 1.0

    def on_bar(self, ctx, bars):
        raise LookupError("nothing to decide on")
"""

SLOW = """
from dataclasses import dataclass
from raymill.market.strategies.sma_cross import SmaCross
from raymill.market.strategy import Strategy

@dataclass
class Slow(SmaCross):
    \"\"\"The same without columns.\"\"\"

    vector = Strategy.vector
"""


@pytest.mark.system
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_is_killed_ends_as_one_that_was_not(
    sh: Shell, tmp_path: Path, how: signal.Signals
) -> None:
    write_prices(sh, 5_000)
    sh.write("slow.py", SLOW)
    command = ["sweep", "slow.py:Slow", "--data", "ABC.csv", "--json"]
    command += ["--grid", "fast=2:40", "--grid", "slow=50:56", "--checkpoint", "kept", "--resume"]
    child = subprocess.Popen(
        [sys.executable, "-m", "raymill", *command],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    ends = time.monotonic() + 60
    while not [*(tmp_path / "kept").glob("*.f8")]:
        assert child.poll() is None
        assert time.monotonic() < ends
    child.send_signal(how)
    errors = child.communicate(timeout=60)[1].decode()
    assert child.returncode == (130 if how is signal.SIGINT else -9)
    if how is signal.SIGINT:
        assert "hint: the same command with --resume goes on" in errors
    there = len([*(tmp_path / "kept").glob("*.f8")])
    done = process(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert len([*(tmp_path / "kept").glob("*.f8")]) > there
    whole = process(tmp_path, *command[:-3])
    first, second = (json.loads(one.stdout) for one in (done, whole))
    assert first["best"] == second["best"]
    assert first["trials"] == 39 * 7
