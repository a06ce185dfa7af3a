"""What `raymill run` refuses: exit code 2, what is wrong, and what to type."""

import pytest

from cli.running import Shell

RUN = ("run", "kalman_filter", "readings.csv", "--field", "temperature")
REFUSALS = [
    (("run", "kalman_fliter", "readings.csv"), "Unknown task `kalman_fliter`", "`kalman_filter`"),
    (
        ("run", "kalman_filter", "readings.csv", "--field", "temprature"),
        "No field `temprature` for task `kalman_filter`",
        "did you mean `temperature`?",
    ),
    (
        (*RUN, "--key", "senser"),
        "No field `senser` for the key of task `kalman_filter`",
        "did you mean `sensor`?",
    ),
    (
        (*RUN, "--set", "p=1"),
        "Task `kalman_filter` has no input and no parameter `p`",
        "did you mean `p0`?",
    ),
    (
        (*RUN, "--set", "q=-1"),
        "Parameter `q` of task `kalman_filter` cannot be '-1': "
        "Input should be greater than or equal to 0",
        "raymill tasks show kalman_filter",
    ),
    ((*RUN, "--set", "q"), "`--set q` gives no value", "write --set name=value"),
    ((*RUN, "--engine", "locl"), "Unknown engine `locl`", "did you mean `local`?"),
    ((*RUN, "--from", "cvs"), "Unknown format `cvs`", "did you mean `csv`?"),
    ((*RUN, "--to", "parqet"), "Unknown output format `parqet`", "did you mean `parquet`?"),
    ((*RUN, "--on-error", "ignore"), 'Invalid value "ignore" for --on-error', "run --help"),
    ((*RUN, "--workers", "0"), "A run needs at least one worker, not 0", ""),
    ((*RUN, "--resume"), "A run can resume from a checkpoint only", "add --checkpoint DIR"),
    (
        (*RUN, "--checkpoint", "c"),
        "A run that writes to standard output cannot be resumed, so --checkpoint has no meaning",
        "give a file with -o",
    ),
    (
        ("run", "noop", "-", "-o", "out.csv", "--checkpoint", "c"),
        "A run that reads from standard input cannot be resumed, so --checkpoint has no meaning",
        "write the input to a file first",
    ),
    (
        (*RUN, "-o", "out.csv", "--checkpoint", "readings.csv"),
        "Checkpoint folder `readings.csv` cannot be made: File exists",
        "name a folder that you can write to",
    ),
    ((*RUN, "-o", "readings.csv"), "Output `readings.csv` is an input of the run", "another name"),
    (
        (*RUN, "-o", "out.csv", "--dead-letter", "out.csv"),
        "Output `out.csv` is named twice",
        "another name",
    ),
    ((*RUN, "--metrics", "m.txt"), "`--metrics m.txt` has no known ending", ".json, .csv"),
    ((*RUN, "--metrics", "no/m.csv"), "Folder `no` does not exist", "mkdir -p no"),
    ((*RUN, "--rate", "1", "--time-scale", "1"), "`--rate` and `--time-scale` exclude", "give one"),
    ((*RUN, "--repeat", "0"), "`--repeat` cannot be 0", "above 0"),
    ((*RUN, "--time-scale", "1"), "Unknown column of times `ts`", "there are: sensor, temper"),
    (("run", "kalman_filter"), "`kalman_filter` needs an input", "`-` for standard input"),
    (("run",), 'Command "run" parameter TASK requires an argument', "see raymill run --help"),
    (("run", "readings.csv"), "`readings.csv` is a file, where a task", "the task comes first"),
    (("run", "mine.py", "readings.csv"), "`mine.py` names no object", "write mine.py:OBJECT"),
    (("run", "raymill.tasks.noop", "x"), "`raymill.tasks.noop` names no object", ":OBJECT"),
    (("run", "mine.py:dobule", "readings.csv"), "Unknown object in `mine.py`", "`double`"),
    (("run", "mine.py:number", "x"), "`mine.py:number` is of type int, which cannot", "a Stream"),
    (("run", "there.py:x", "readings.csv"), "File `there.py` does not exist", ""),
    (("run", "bad.py:x", "x"), "`bad.py` cannot be loaded: ZeroDivisionError", "again with -v"),
    (("run", "no.such:x", "readings.csv"), "Module `no.such` cannot be imported", ""),
    (
        ("run", "mine.py:twice", "readings.csv", "--set", "bi=1"),
        "Unknown parameter",
        "there are: by",
    ),
    (("run", "mine.py:part", "--field", "x"), "`--field` is for a single task", "TASK.name"),
    (("run", "mine.py:part", "--set", "by=1"), "`--set by` does not say which task", "TASK.by"),
    (("run", "mine.py:part", "--set", "dbl.x=1"), "Unknown task in `part`: `dbl`", "`double`"),
    ((*RUN, "-c", "no.yaml"), "Configuration file `no.yaml` cannot be read", ""),
    (
        ("run", "noop", "readings.csv", "readings.csv", "-o", "d/"),
        "`readings.csv` and `readings.csv` would both be",
        "into",
    ),
    (("run", "noop", "-", "-o", "d/"), "The output of standard input has no name", "give -o"),
    (
        ("run", "noop", "readings.csv", "-o", "d/", "--dead-letter", "x"),
        "`--dead-letter x` is one file, and each output has its own",
        "name a directory, as in x/",
    ),
    (
        ("run", "noop", "readings.csv", "--field", "a,b", "--as", "x"),
        "`x` would name the columns of 2 fields",
        "{field}_x",
    ),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), REFUSALS)
def test_wrong_usage_is_two_and_says_what_to_type(
    arguments: tuple[str, ...], message: str, hint: str, sh: Shell
) -> None:
    sh.write("bad.py", "1 / 0\n")
    done = sh(*arguments)
    assert (done.code, done.out) == (2, "")
    first, *others = done.err.splitlines()
    assert first.startswith(f"error: {message}")
    assert hint in (others[0] if others else "")
    assert len(others) <= 1


def test_a_refused_run_leaves_no_output_behind(sh: Shell) -> None:
    sh(*RUN, "--set", "q=-1", "-o", "out.csv")
    assert sorted(path.name for path in sh.folder.iterdir() if path.is_file()) == [
        "mine.py",
        "readings.csv",
    ]


def test_a_missing_input_among_several_is_told_before_the_first_is_run(sh: Shell) -> None:
    done = sh("run", "noop", "readings.csv", "reading.csv", "-o", "out/")
    assert done.code == 2
    assert "File `reading.csv` does not exist\nhint: did you mean `readings.csv`?" in done.err
    assert not (sh.folder / "out").exists()
