"""`raymill tasks`."""

import json

from cli.running import Shell


def test_every_task_is_listed_with_its_first_sentence(sh: Shell) -> None:
    done = sh("tasks", "ls")
    assert (done.code, done.err) == (0, "")
    head, *rows = done.out.splitlines()
    assert head.split() == ["task", "what", "it", "does", "package"]
    (row,) = (row for row in rows if row.startswith("noop "))
    assert " ".join(row.split()) == "noop Hand every record on as it is. raymill"


def test_the_list_as_json(sh: Shell) -> None:
    listed = json.loads(sh("tasks", "ls", "--json").out)
    wanted = {"name": "noop", "text": "Hand every record on as it is.", "package": "raymill"}
    assert wanted in listed


def test_a_task_is_shown_with_inputs_outputs_and_parameters(sh: Shell) -> None:
    done = sh("tasks", "show", "kalman_filter")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert ["value", "number"] in lines
    assert ["value", "double"] in lines
    (q,) = (line for line in lines if line[:1] == ["q"])
    assert q[:6] == ["q", "float", "0.125", ">=", "0", "process"]
    assert ["STATISTICS.KALMAN_FILTER.PROCESS_NOISE", "q"] in lines
    assert "State: one for each key" in done.out


def test_a_task_as_json_has_the_schema_of_its_parameters(sh: Shell) -> None:
    shown = json.loads(sh("tasks", "show", "kalman_filter", "--json").out)
    assert shown["inputs"] == [{"name": "value", "type": "number"}]
    assert shown["outputs"] == [{"name": "value", "type": "double"}]
    assert shown["schema"]["properties"]["r"] == {
        "default": 0.32,
        "exclusiveMinimum": 0,
        "title": "R",
        "type": "number",
    }


def test_every_task_can_be_shown(sh: Shell) -> None:
    for row in json.loads(sh("tasks", "ls", "--json").out):
        assert sh("tasks", "show", row["name"]).code == 0, row["name"]
        assert sh("tasks", "show", row["name"], "--json").code == 0, row["name"]


def test_a_task_of_a_file_is_shown_too(sh: Shell) -> None:
    assert "by         float  1.0" in sh("tasks", "show", "mine.py:plain").out


def test_a_pipeline_is_no_task(sh: Shell) -> None:
    done = sh("tasks", "show", "mine.py:part")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "error: `mine.py:part` is a pipeline, not a task",
    )


def test_an_unknown_task_has_near_matches(sh: Shell) -> None:
    done = sh("tasks", "show", "kalman_fliter")
    assert done.code == 2
    assert "did you mean `kalman_filter`" in done.err
