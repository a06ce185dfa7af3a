"""Bad input and bad outputs: a clear message with file and line, nothing lost, the right code."""

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.running import Done, Shell, process

pytestmark = pytest.mark.system

NOOP = ("run", "noop")


def letters(sh: Shell, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in sh.read(name).splitlines()]


def error(done: Done) -> str:
    return done.err.splitlines()[0]


def test_a_missing_file(sh: Shell) -> None:
    done = sh(*NOOP, "reading.csv")
    assert done.code == 2
    assert done.err == (
        "error: File `reading.csv` does not exist\nhint: did you mean `readings.csv`?\n"
    )


def test_a_directory_instead_of_a_file(sh: Shell) -> None:
    (sh.folder / "in").mkdir()
    done = sh(*NOOP, "in")
    assert done.code == 2
    assert done.err == "error: `in` is a directory, not a file\nhint: write 'in/*' for its files\n"


def test_a_glob_that_matches_nothing(sh: Shell) -> None:
    done = sh(*NOOP, "*.parquet")
    assert (done.code, error(done)) == (2, "error: No file matches `*.parquet`")


def test_a_file_that_cannot_be_read(sh: Shell) -> None:
    done = sh(*NOOP, "/proc/self/mem")  # also root gets an error from it
    assert done.code == 2
    assert error(done) == "error: File `/proc/self/mem` cannot be read: Input/output error"


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt", "a.senml.csv"])
def test_an_empty_file_gives_an_empty_output(name: str, sh: Shell) -> None:
    sh.write(name, "")
    done = sh(*NOOP, name, "-o", "out.jsonl", "--json")
    assert done.code == 0
    assert json.loads(done.out)["records_in"] == 0
    assert sh.read("out.jsonl") == ""


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_an_empty_file_of_a_format_that_has_a_frame_is_no_such_file(name: str, sh: Shell) -> None:
    sh.write(name, "")
    done = sh(*NOOP, name, "-o", "out.jsonl")
    assert done.code in (1, 2)
    assert name in error(done)
    assert not Path("out.jsonl").exists()


@pytest.mark.parametrize(
    "text",
    [
        b"t\n1\n\n2\n",
        b"\n\nt\n\n1\n\n\n2\n\n\n",
        b"\xef\xbb\xbft\n1\n2\n",
        b"t\r\n1\r\n2\r\n",
        b"t\n1\n2",
        b"\xef\xbb\xbft\r\n\r\n1\r\n2",
    ],
    ids=["blank", "many blanks", "BOM", "CRLF", "no last line end", "all at once"],
)
def test_marks_and_line_ends_change_nothing(text: bytes, sh: Shell) -> None:
    sh.write("t.csv", text)
    done = sh(*NOOP, "t.csv", "--on-error", "stop")
    assert (done.code, done.out) == (0, '{"t":1}\n{"t":2}\n')


def test_invalid_utf_8_is_a_dead_letter_with_its_line(sh: Shell) -> None:
    sh.write("a.txt", b"one\n\xff\xfe\nthree\n")
    done = sh(*NOOP, "a.txt")
    assert (done.code, done.out) == (0, '{"value":"one"}\n{"value":"three"}\n')
    (letter,) = letters(sh, "noop.dead.jsonl")
    assert (letter["file"], letter["line"], letter["task"]) == ("a.txt", 2, "read")
    assert str(letter["reason"]).startswith("no valid UTF-8")


def test_a_line_of_50_mb_is_a_record(sh: Shell) -> None:
    size = 50_000_000
    sh.write("long.txt", b"a\n" + b"x" * size + b"\nb\n")
    done = sh(*NOOP, "long.txt", "-o", "out.txt", "--json")
    assert done.code == 0
    assert json.loads(done.out)["records_out"] == 3
    assert Path("out.txt").stat().st_size == size + 5


def truncated(sh: Shell) -> str:
    rows = "".join(f"{number * 7919 % 100_003}\n" for number in range(60_000))
    whole = gzip.compress(f"t\n{rows}".encode(), mtime=0)
    sh.write("cut.csv.gz", whole[: len(whole) // 2])
    return "cut.csv.gz"


def test_a_truncated_gzip_file_is_one_and_names_the_line(sh: Shell) -> None:
    done = sh(*NOOP, truncated(sh), "-o", "out.csv")
    assert done.code == 1
    assert error(done).startswith("error: `cut.csv.gz` breaks off or is damaged in line ")
    assert not Path("out.csv").exists()
    assert Path("out.csv.partial").exists()


def test_an_old_result_does_not_pass_for_that_of_a_run_that_failed(sh: Shell) -> None:
    sh.write("out.csv", "t\n1\n")
    assert sh(*NOOP, truncated(sh), "-o", "out.csv").code == 1
    assert not Path("out.csv").exists()


def test_too_few_and_too_many_columns_are_dead_letters(sh: Shell) -> None:
    sh.write("t.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n")
    done = sh(*NOOP, "t.csv", "-o", "out.csv")
    assert done.code == 0
    assert sh.read("out.csv") == "a,b\n1,2\n7,8\n"
    assert letters(sh, "out.csv.dead.jsonl") == [
        {
            "record": text,
            "task": "read",
            "reason": f"{count} columns instead of 2",
            "file": "t.csv",
            "line": line,
        }
        for text, count, line in (("3", 1, 3), ("4,5,6", 3, 4))
    ]
    assert done.err.splitlines()[-1] == (
        "warning: 2 records failed; they are kept in `out.csv.dead.jsonl`"
    )


def bad_values(sh: Shell) -> tuple[str, ...]:
    sh.write("t.csv", 't\n1\nnan\n"2"\n-inf\nthree\n4\n')
    return ("run", "mine.py:plain", "t.csv", "--field", "t")


def test_nan_infinities_and_words_fail_and_numbers_as_text_do_not(sh: Shell) -> None:
    done = sh(*bad_values(sh))
    assert done.code == 0
    assert [json.loads(line)["value"] for line in done.out.splitlines()] == [2.0, 3.0, 5.0]
    assert [(row["line"], row["reason"]) for row in letters(sh, "plain.dead.jsonl")] == [
        (3, "`t` is NaN"),
        (5, "`t` is infinite"),
        (6, "`t` is not a number"),
    ]


def test_skip_passes_them_over_with_a_warning(sh: Shell) -> None:
    done = sh(*bad_values(sh), "--on-error", "skip")
    assert done.code == 0
    assert done.err.splitlines()[-1] == "warning: 3 records failed; they are passed over"
    assert not Path("plain.dead.jsonl").exists()


def test_stop_is_one_and_names_file_and_line(sh: Shell) -> None:
    done = sh(*bad_values(sh), "--on-error", "stop", "-o", "out.csv")
    assert done.code == 1
    assert error(done) == "error: t.csv:3: task `plain` failed: `t` is NaN"
    assert not Path("out.csv").exists()


def test_dead_letters_go_where_they_are_sent(sh: Shell) -> None:
    done = sh(*bad_values(sh), "--dead-letter", "bad.jsonl")
    assert done.code == 0
    assert len(letters(sh, "bad.jsonl")) == 3


def test_a_task_that_raises_makes_a_dead_letter(sh: Shell) -> None:
    sh.write("raises.py", "def invert(t: float) -> float:\n    return 1 / t\n")
    sh.write("t.csv", "t\n1\n0\n4\n")
    done = sh("run", "raises.py:invert", "t.csv")
    assert done.code == 0
    (letter,) = letters(sh, "invert.dead.jsonl")
    assert letter["record"] == {"t": 0}
    assert letter["reason"] == "ZeroDivisionError: float division by zero"


def test_a_pipeline_of_a_file_gives_dead_letters_its_name(sh: Shell) -> None:
    sh.write("flow.yaml", "source: t.csv\ntasks: [{task: kalman_filter, field: t}]\n")
    sh.write("t.csv", "t\n1\nx\n")
    assert sh("run", "flow.yaml").code == 0
    assert len(letters(sh, "flow.dead.jsonl")) == 1


def test_a_full_device_is_one(sh: Shell) -> None:
    done = sh(*NOOP, "readings.csv", "-o", "/dev/full")
    assert (done.code, done.err) == (
        1,
        "error: Cannot write output `/dev/full`: no space left\nhint: free some space\n",
    )


def test_full_standard_output_is_one(sh: Shell) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "raymill", *NOOP, "readings.csv"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"error: Cannot write standard output: no space left" in done.stderr


def test_a_full_disk_is_one_and_leaves_a_partial_file(
    sh: Shell, need: Callable[[object, str], None]
) -> None:
    need(shutil.which("unshare"), "unshare")
    sh.write("t.csv", "t\n" + "".join(f"{number}\n" for number in range(50_000)))
    script = (
        "mkdir disk && mount -t tmpfs -o size=64k none disk && "
        f"{sys.executable} -m raymill run noop t.csv -o disk/out.csv; echo $? $(ls disk)"
    )
    done = subprocess.run(
        ["unshare", "-Urm", "bash", "-c", script], cwd=sh.folder, capture_output=True, text=True
    )
    need("unshare" not in done.stderr, f"user namespaces ({done.stderr.strip()})")
    assert done.stdout == "1 out.csv.partial\n"
    assert done.stderr.splitlines()[0].endswith("out.csv`: no space left")


def test_an_output_in_a_folder_that_is_not_there(sh: Shell) -> None:
    done = sh(*NOOP, "readings.csv", "-o", "no/out.csv")
    assert done.code == 1
    assert done.err.splitlines()[1].startswith("hint: mkdir -p ")


def test_a_closed_pipe_ends_quietly(sh: Shell) -> None:
    sh.write("t.csv", "t\n" + "".join(f"{number}\n" for number in range(200_000)))
    script = f"{sys.executable} -m raymill run noop t.csv | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=sh.folder, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ('{"t":0}\n0\n', "")


def test_a_traceback_is_shown_when_asked(sh: Shell) -> None:
    quiet, loud = sh(*NOOP, "no.csv"), sh(*NOOP, "no.csv", "-v")
    assert "Traceback" not in quiet.err
    assert "Traceback" in loud.err


def test_bad_standard_input_is_named_so(sh: Shell) -> None:
    done = process(sh.folder, *NOOP, "-", "--on-error", "stop", input=b"one\n\xff\n")
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: -:2: no valid UTF-8")
