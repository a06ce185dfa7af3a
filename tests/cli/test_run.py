"""`raymill run`: targets, options, outputs, summaries."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli.running import READINGS, Shell, process

DOUBLED = (
    '{"sensor":"a","temperature":21.0,"value":42.0}\n'
    '{"sensor":"b","temperature":19.5,"value":39.0}\n'
    '{"sensor":"a","temperature":21.4,"value":42.8}\n'
)
# gain = 30.125 / 30.445 for a first reading: 21 * gain, 19.5 * gain; for a's second one,
# p = 0.31663656... + 0.125, gain = 0.57985... (the filter's formula, by hand)
SMOOTH = [20.779274100837576, 19.295040236492035, 21.139203317229473]


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_without_an_output_records_go_to_standard_output_as_jsonl(sh: Shell) -> None:
    done = sh("run", "mine.py:double", "readings.csv")
    assert (done.code, done.out) == (0, DOUBLED)
    first, head, total = done.err.splitlines()
    assert first == "double on local, 1 worker"
    assert head.split()[:5] == ["worker", "in", "out", "skipped", "failed"]
    assert total.split()[:5] == ["total", "3", "3", "0", "0"]


def test_a_registered_task_with_field_key_and_name(sh: Shell) -> None:
    done = sh(
        *("run", "kalman_filter", "readings.csv", "--field", "temperature"),
        *("--key", "sensor", "--as", "smooth"),
    )
    assert [row["smooth"] for row in lines(done.out)] == pytest.approx(SMOOTH, abs=1e-12)


@pytest.mark.parametrize(
    ("target", "values"),
    [
        ("mine:double", [42.0, 39.0, 42.8]),
        ("mine.py:plain", [22.0, 20.5, 22.4]),
        ("mine.py:twice", [23.0, 21.5, 23.4]),
    ],
)
def test_a_target_is_an_object_of_a_module_or_a_file(
    target: str, values: list[float], sh: Shell
) -> None:
    done = sh("run", target, "readings.csv")
    assert [row["value"] for row in lines(done.out)] == pytest.approx(values)


def test_set_reaches_the_parameters_of_a_function_that_builds_a_stream(sh: Shell) -> None:
    done = sh("run", "mine.py:twice", "readings.csv", "--set", "by=2")
    assert [row["value"] for row in lines(done.out)] == pytest.approx([25.0, 23.5, 25.4])


def test_a_stream_reads_its_own_source_or_the_input_that_is_named(sh: Shell) -> None:
    assert sh("run", "mine.py:part").out == DOUBLED
    sh.write("other.csv", "temperature\n1\n")
    assert sh("run", "mine.py:part", "other.csv").out == '{"temperature":1,"value":2.0}\n'


def test_a_pipeline_writes_its_own_output_or_the_one_that_is_named(sh: Shell) -> None:
    text = "sensor,temperature,value\na,21.0,42.0\nb,19.5,39.0\na,21.4,42.8\n"
    assert sh("run", "mine.py:whole").code == 0
    assert sh.read("whole.csv") == text
    assert sh("run", "mine.py:whole", "-o", "else.csv").code == 0
    assert sh.read("else.csv") == text
    assert sh("run", "mine.py:whole", "-o", "-").out == DOUBLED


def test_a_pipeline_with_two_outputs_names_both_and_takes_no_o(sh: Shell) -> None:
    done = sh("run", "mine.py:both", "readings.csv")
    assert done.err.splitlines()[-2:] == ["output: one.csv", "output: two.csv"]
    assert sh.read("two.csv") == READINGS
    refused = sh("run", "mine.py:both", "readings.csv", "-o", "x.csv")
    assert (refused.code, refused.err) == (
        2,
        "error: `both` has 2 outputs of its own\nhint: leave -o and --to out\n",
    )


@pytest.mark.parametrize("fields", [["--field", "a,b"], ["--field", "a", "--field", "b"]])
def test_several_fields_make_one_task_for_each(fields: list[str], sh: Shell) -> None:
    sh.write("two.csv", "a,b\n1,2\n")
    done = sh("run", "mine.py:double", "two.csv", *fields, "--as", "{field}_twice")
    assert done.out == '{"a":1,"b":2,"a_twice":2.0,"b_twice":4.0}\n'


def test_several_keys_make_a_key_together(sh: Shell) -> None:
    sh.write("two.csv", "a,b,v\n1,1,2\n1,2,2\n1,1,4\n")
    keys = ("--key", "a,b", "--field", "v", "--set", "window=2")
    done = sh("run", "block_window_average", "two.csv", *keys)
    assert done.out == '{"a":1,"b":1,"v":4,"value":3.0}\n'
    assert "skipped: 1 incomplete window" in done.err


def test_from_and_to_name_the_formats(sh: Shell) -> None:
    sh.write("readings.txt", READINGS)
    done = sh("run", "mine.py:double", "readings.txt", "--from", "csv", "--to", "csv")
    assert done.out.splitlines()[1] == "a,21.0,42.0"


def test_formats_are_told_by_the_ending(sh: Shell) -> None:
    assert sh("run", "mine.py:double", "readings.csv", "-o", "out.parquet").code == 0
    assert pq.read_table("out.parquet")["value"].to_pylist() == [42.0, 39.0, 42.8]
    done = sh("run", "mine.py:plain", "out.parquet", "--as", "more", "-o", "out.jsonl.gz")
    assert done.code == 0
    assert [row["more"] for row in lines(sh("run", "noop", "out.jsonl.gz").out)] == pytest.approx(
        [22.0, 20.5, 22.4]
    )


def test_set_gives_parameters(sh: Shell) -> None:
    done = sh("run", "mine.py:cool", "readings.csv", "--set", "most=20", "--set", "most=21.2")
    assert [row["temperature"] for row in lines(done.out)] == [21.0, 19.5]
    assert "skipped: 1 warm" in done.err


def test_a_properties_file_gives_parameters_and_fields(sh: Shell) -> None:
    sh.write(
        "tasks.properties",
        "AGGREGATE.BLOCK_COUNT.WINDOW_SIZE=2\nAGGREGATE.BLOCK_AVERAGE.USE_MSG_FIELD=temperature\n",
    )
    done = sh("run", "block_window_average", "readings.csv", "-c", "tasks.properties")
    assert [row["value"] for row in lines(done.out)] == [20.25]  # (21 + 19.5) / 2


def test_a_yaml_file_gives_parameters_fields_and_keys_and_the_command_line_wins(sh: Shell) -> None:
    sh.write("c.yaml", "window: 3\nfield: temperature\nkey: sensor\nas: mean\n")
    named = ("run", "block_window_average", "readings.csv", "-c", "c.yaml")
    assert sh(*named).out == ""
    assert [row["mean"] for row in lines(sh(*named, "--set", "window=2").out)] == [21.2]
    row = lines(sh(*named, "--set", "window=2", "--key", "temperature", "--as", "x").out)
    assert row == []


def test_a_directory_takes_one_output_for_each_input_each_with_a_fresh_state(sh: Shell) -> None:
    sh.write("in/a.csv", "t\n1\n2\n3\n")
    sh.write("in/b.csv", "t\n10\n20\n")
    options = ("--set", "window=2", "--to", "jsonl", "-o", "out/")
    done = sh("run", "block_window_average", "in/*.csv", "--field", "t", *options)
    assert done.code == 0
    # a's third reading opens a window that b does not go on with
    assert sh.read("out/a.jsonl") == '{"t":2,"value":1.5}\n'
    assert sh.read("out/b.jsonl") == '{"t":20,"value":15.0}\n'
    assert done.err.splitlines()[-2:] == ["output: out/a.jsonl", "output: out/b.jsonl"]


def test_several_inputs_and_one_output_are_one_stream(sh: Shell) -> None:
    sh.write("a.csv", "t\n1\n")
    sh.write("b.csv", "t\n3\n")
    options = ("--field", "t", "--set", "window=2")
    assert sh("run", "block_window_average", "a.csv", "b.csv", *options).out == (
        '{"t":3,"value":2.0}\n'
    )


def test_in_a_directory_each_output_has_its_own_dead_letters(sh: Shell) -> None:
    sh.write("a.csv", "t\n1\nx\n")
    sh.write("b.csv", "t\n3\n")
    done = sh("run", "kalman_filter", "a.csv", "b.csv", "--field", "t", "-o", "out/")
    assert done.code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "a.csv",
        "a.csv.dead.jsonl",
        "b.csv",
    ]
    assert "warning: 1 record failed; it is kept in `out/a.csv.dead.jsonl`" in done.err


def test_json_gives_the_summary_on_standard_output(sh: Shell) -> None:
    done = sh("run", "mine.py:cool", "readings.csv", "-o", "out.csv", "--json")
    summary = json.loads(done.out)
    assert done.err == ""
    wanted = {
        "task": "cool",
        "engine": "local",
        "workers": 1,
        "records_in": 3,
        "records_out": 2,
        "records_skipped": 1,
        "records_failed": 0,
        "skipped": {"warm": 1},
        "outputs": ["out.csv"],
        "dead_letters": [],
        "resumed": False,
    }
    assert {name: summary[name] for name in wanted} == wanted
    assert [run["nodes"]["cool"]["records_in"] for run in summary["runs"]] == [3]


def test_json_goes_to_standard_error_where_records_go_to_standard_output(sh: Shell) -> None:
    done = sh("run", "mine.py:double", "readings.csv", "--json")
    assert done.out == DOUBLED
    assert json.loads(done.err)["records_out"] == 3


@pytest.mark.parametrize(
    ("name", "starts"),
    [("m.json", "{\n"), ("m.csv", "worker,records_in"), ("m.prom", "# HELP raymill_records_in")],
)
def test_metrics_are_written_to_a_file(name: str, starts: str, sh: Shell) -> None:
    assert sh("run", "mine.py:double", "readings.csv", "--metrics", name).code == 0
    assert sh.read(name).startswith(starts)


def test_v_shows_each_worker_and_each_task(sh: Shell) -> None:
    done = sh("run", "mine.py:twice", "readings.csv", "-v")
    rows = [line.split() for line in done.err.splitlines()]
    assert [row[:3] for row in rows if row[0] in ("0", "total")] == [
        ["0", "3", "3"],
        ["total", "3", "3"],
    ]
    assert [row[:3] for row in rows if row[0].startswith("plain")] == [
        ["plain", "3", "3"],
        ["plain_2", "3", "3"],
    ]


@pytest.mark.system
def test_workers_do_not_change_the_output(workers: int, sh: Shell) -> None:
    assert sh("run", "mine.py:double", "readings.csv", "--workers", f"{workers}").out == DOUBLED


@pytest.mark.system
def test_unordered_gives_the_same_records(sh: Shell) -> None:
    done = sh("run", "mine.py:double", "readings.csv", "--unordered", "--workers", "2")
    assert sorted(done.out.splitlines()) == sorted(DOUBLED.splitlines())


def test_repeat_reads_the_input_again_with_the_state_it_has(sh: Shell) -> None:
    sh.write("t.csv", "t\n1\n2\n3\n")
    done = sh("run", "block_window_average", "t.csv", "--set", "window=2", "--repeat", "2")
    assert [row["value"] for row in lines(done.out)] == [1.5, 2.0, 2.5]  # 1 2 | 3 1 | 2 3


@pytest.mark.parametrize("pace", [("--rate", "1e6"), ("--time-scale", "0.001")])
def test_a_replay_gives_the_same_records(pace: tuple[str, str], sh: Shell) -> None:
    sh.write("t.csv", "ts,t\n1000,1\n2000,2\n")
    done = sh("run", "noop", "t.csv", *pace)
    assert done.out == '{"ts":1000,"t":1}\n{"ts":2000,"t":2}\n'


def test_the_field_of_times_of_a_replay_can_be_named(sh: Shell) -> None:
    sh.write("t.csv", "at,t\n1000,1\n")
    options = ("--time-scale", "0.001", "--time", "at")
    assert sh("run", "noop", "t.csv", *options).out == '{"at":1000,"t":1}\n'


def test_a_checkpoint_is_forgotten_when_the_run_is_done(sh: Shell) -> None:
    options = ("-o", "out.csv", "--checkpoint", "state", "--resume")
    done = sh("run", "mine.py:double", "readings.csv", *options)
    assert done.code == 0
    assert list(Path("state").rglob("*")) == []


@pytest.mark.system
def test_the_local_engine_does_not_load_ray(sh: Shell) -> None:
    code = (
        "import sys; from raymill.cli import main;"
        "code = main(['run', 'noop', 'readings.csv', '-o', 'out.csv', '--workers', '2']);"
        "print(code, 'ray' in sys.modules, 'rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0 False False\n"


@pytest.mark.system
def test_standard_input_is_read_once_also_by_a_task_that_must_learn_its_fields(sh: Shell) -> None:
    text = b'{"e":[{"n":"t","v":1.5}],"bt":7}\n{"e":[{"n":"t","v":2.5}],"bt":8}\n'
    done = process(sh.folder, "run", "senml_parse", "-", input=text)
    assert done.returncode == 0, done.stderr
    assert lines(done.stdout.decode()) == [
        {"timestamp": 7, "t": 1.5},
        {"timestamp": 8, "t": 2.5},
    ]


@pytest.mark.system
def test_standard_input_has_the_format_that_is_named(sh: Shell) -> None:
    done = process(
        sh.folder, "run", "mine.py:double", "-", "--from", "csv", input=READINGS.encode()
    )
    assert done.stdout.decode() == DOUBLED
