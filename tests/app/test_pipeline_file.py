"""Pipelines in YAML: what they build, and what they say where something is wrong."""

import json
from pathlib import Path

import pytest

from raymill.app.pipelines import Request, named_pipeline
from raymill.app.streams import run
from raymill.errors import RaymillError

ROOT = Path(__file__).parents[2]
READINGS = "sensor,temperature\na,21.0\nb,19.5\na,21.4\nb,55.0\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("readings.csv").write_text(READINGS)
    return tmp_path


def records(text: str, **request: object) -> list[dict[str, object]]:
    """What the pipeline writes to `out.jsonl`."""
    Path("flow.yaml").write_text(text)
    _, pipeline = named_pipeline(Request("flow.yaml", **request))  # type: ignore[arg-type]
    run(pipeline)
    return [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]


GRAPH = """
source: readings.csv
tasks:
  - task: range_filter
    set: {valid_range: "temperature:0:40"}
  - name: twice
    task: double.py:double
    from: range_filter
    field: temperature
    as: twice
  - name: pairs
    window: mean
    from: range_filter
    count: 2
    field: temperature
    as: mean
  - name: beside
    join: [twice, pairs]
    how: left
  - select: [sensor, twice, mean]
sink: out.jsonl
"""


def test_branches_windows_joins_and_select(folder: Path) -> None:
    (folder / "double.py").write_text("def double(t: float) -> float:\n    return 2 * t\n")
    assert records(GRAPH) == [
        {"sensor": "a", "twice": 42.0, "mean": None},
        {"sensor": "b", "twice": 39.0, "mean": 20.25},  # (21 + 19.5) / 2
        {"sensor": "a", "twice": 42.8, "mean": None},
    ]


def test_a_union_interleaves_branches() -> None:
    text = """
source: readings.csv
tasks:
  - {name: hot, task: range_filter, from: source, set: {valid_range: "temperature:40:60"}}
  - {name: mild, task: range_filter, from: source, set: {valid_range: "temperature:20:40"}}
  - union: [hot, mild]
sink: {path: out.jsonl, format: jsonl}
"""
    assert [row["temperature"] for row in records(text)] == [21.0, 21.4, 55.0]


def test_two_sinks_and_options_of_formats() -> None:
    text = """
source: {path: [readings.csv], format: csv, options: {types: {temperature: string}}}
tasks: [noop]
sink:
  - {path: out.jsonl}
  - {path: raw.csv, from: source}
"""
    assert records(text)[0] == {"sensor": "a", "temperature": "21.0"}
    assert Path("raw.csv").read_text() == READINGS


def test_an_input_an_output_and_parameters_can_be_given() -> None:
    Path("other.csv").write_text("v\n1\n3\n")
    text = "tasks: [{name: pairs, window: mean, count: 3, field: v}]\n"
    request = {"inputs": ("other.csv",), "output": "out.jsonl", "given": {"pairs.count": "2"}}
    assert records(text, **request) == [{"v": 3, "value": 2.0}]


def test_a_properties_file_configures_every_task_that_knows_its_keys() -> None:
    Path("all.properties").write_text(
        "FILTER.RANGE_FILTER.VALID_RANGE=temperature:0:20\nAGGREGATE.BLOCK_COUNT.WINDOW_SIZE=1\n"
    )
    text = """
source: readings.csv
tasks:
  - task: range_filter
  - {task: block_window_average, field: temperature}
sink: out.jsonl
"""
    assert records(text, config="all.properties") == [
        {"sensor": "b", "temperature": 19.5, "value": 19.5}
    ]


def test_a_yaml_file_configures_tasks_by_their_names() -> None:
    Path("c.yaml").write_text("mean: {count: 4}\n")
    text = """
source: readings.csv
tasks: [{name: mean, window: mean, count: 2, field: temperature}]
sink: out.jsonl
"""
    (row,) = records(text, config="c.yaml")
    assert row["value"] == pytest.approx((21 + 19.5 + 21.4 + 55) / 4)


WRONG = [
    ("[1]", "`flow.yaml` holds no mapping", "source, tasks, sink"),
    ("a: [", "`flow.yaml` is not YAML: ", ""),
    ("task: [noop]", "Unknown key in `flow.yaml`: `task`", "did you mean `tasks`?"),
    ("source: a.csv", "`flow.yaml` needs a list of `tasks`", "task: noop"),
    ("tasks: [{name: x}]", "`flow.yaml`, task 1 has none of its kinds", "task, window, select"),
    (
        "tasks: [{task: noop, select: [a]}]",
        "`flow.yaml`, task 1 has both `task` and `select`",
        "one of",
    ),
    (
        "tasks: [{task: noop, feild: x}]",
        "Unknown key in `flow.yaml`, task 1: `feild`",
        "did you mean `field`?",
    ),
    ("tasks: [{join: [a]}]", "`flow.yaml`, task 1: `join` cannot be ['a']: List should have", ""),
    ("tasks: [noop, noop]", "`flow.yaml`, task 2: there is a `noop` already", "`name:`"),
    (
        "tasks: [{task: noop, from: nop}]",
        "Unknown task in `flow.yaml`: `nop`",
        "there are: source",
    ),
    (
        "tasks: [{task: noop, name: a, from: b}, {task: noop, name: b}]",
        "`flow.yaml`, task 1: `b` comes later in the file",
        "behind",
    ),
    (
        "tasks: [{task: noop, name: a}, {task: noop, name: b, from: source}]",
        "`flow.yaml`: the records of `a` go nowhere",
        "from: a",
    ),
    ("{tasks: [noop], sink: {from: nop}}", "Unknown task in `flow.yaml`: `nop`", "`noop`"),
    ("tasks: [nop]", "Unknown task `nop`", "did you mean `noop`"),
    ("tasks: [{window: meen, count: 2}]", "Unknown aggregate `meen`", "did you mean `mean`?"),
    ("{tasks: [noop], sink: {paht: x}}", "Unknown key in `flow.yaml`, sink: `paht`", "`path`"),
]


@pytest.mark.parametrize(("text", "message", "hint"), WRONG)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str, hint: str) -> None:
    with pytest.raises(RaymillError) as caught:
        records(text, inputs=("readings.csv",))
    assert caught.value.message.startswith(message)
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there_names_its_neighbour() -> None:
    Path("flow.yaml").write_text("tasks: [noop]")
    with pytest.raises(RaymillError, match=r"Pipeline file `flov.yaml` does not exist") as caught:
        named_pipeline(Request("flov.yaml"))
    assert caught.value.hint == "did you mean `flow.yaml`?"


def test_the_guide_gives_the_same_in_yaml_and_in_python() -> None:
    page = (ROOT / "docs" / "guides" / "pipelines-in-yaml.md").read_text()
    Path("etl.py").write_text(page.partition("```python\n")[2].partition("```")[0])
    written = page.partition("```yaml\n")[2].partition("```")[0]
    rows = "".join(f"s{n % 3},{(n * 37) % 50}\n" for n in range(100))
    Path("readings.csv").write_text(f"sensor,temperature\n{rows}")
    in_yaml = records(written.replace("etl.jsonl", "out.jsonl"))
    assert len(in_yaml) == 82  # 100 less the 18 that are over 40
    _, pipeline = named_pipeline(Request("etl.py:etl", ("readings.csv",), "python.jsonl"))
    run(pipeline)
    assert Path("python.jsonl").read_text() == Path("out.jsonl").read_text()
