"""The demo. The buoy's file has 19,226 readings from 15 February 2016 to 22 March 2017 (402 days),
of which one repeats the time of the one before it; the mean of the first day's 48 readings is
4.7546041667 by awk.
"""

import gzip
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from raymill.app import demo
from raymill.app.demo import buoy, killed, sample
from raymill.app.demo.chart import Chart, Curve, ticks
from raymill.app.demo.page import page
from raymill.app.demo.part import Fact, Part, Say
from raymill.cli import demo as command
from raymill.cli import main
from raymill.errors import EngineError, InputError

pytestmark = pytest.mark.system

DAY = 86_400_000
PLACE = "raymill_demo_parts"
BUOY = ["raymill.app.demo.buoy:buoy"]


def quiet(_: str) -> None:
    return


def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buoy, "find_spec", lambda name: None)


def check_outputs(folder: Path) -> None:
    days = pq.read_table(folder / "local" / "days.parquet")
    assert days.num_rows == 402
    assert days["mean"][0].as_py() == pytest.approx(4.7546041667)
    readings = pq.read_table(folder / "local" / "readings.parquet")
    assert readings.num_rows == 19_225
    assert readings.column_names == ["time (UTC)", "temperature (celsius)", "smooth"]


def test_without_ray_the_rest_is_shown_and_the_lack_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_ray(monkeypatch)
    said: list[str] = []
    done = demo.run_demo(said.append, BUOY)
    (part,) = done.parts
    assert done.holds
    assert [row[0] for row in part.rows] == ["local", "resumed"]
    assert [row[3:6] for row in part.rows] == [("19,226", "1", "402")] * 2
    assert part.rows[1][6] == "at a checkpoint"
    assert part.left_out == ("The run on Ray was left out: pip install 'raymill[ray]'",)
    assert "Ray is not installed: its part is left out" in said
    assert done.page == tmp_path / "home" / "demo" / "index.html"
    check_outputs(done.page.parent / "buoy")
    check_page(done.page.read_text())


def check_page(text: str) -> None:
    assert "prefers-color-scheme: dark" in text
    for word in ("<script", "http:", "https:", "src=", "url(", "@import", "<link"):
        assert word not in text, "the page needs nothing but itself"
    for start in [at for at in range(len(text)) if text.startswith("<svg", at)]:
        svg = ElementTree.fromstring(text[start : text.index("</svg>", start) + 6])
        assert len([one for one in svg.iter("path") if "line" in one.get("class", "")]) >= 2
        assert "°C" in [one.text for one in svg.iter("text")]


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_ray_and_a_killed_run_give_the_bytes_of_the_local_engine(tmp_path: Path) -> None:
    (part,) = demo.run_demo(quiet, BUOY).parts
    assert [(row[0], row[1]) for row in part.rows] == [
        ("local", "local"),
        ("ray", "ray"),
        ("resumed", "local"),
    ]
    assert [fact.holds for fact in part.facts] == [True, True, True]
    assert part.left_out == ()


def test_a_difference_between_the_outputs_is_found(tmp_path: Path) -> None:
    for name, last in (("local", b"1"), ("ray", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "days.parquet").write_bytes(b"same")
        (tmp_path / name / "readings.parquet").write_bytes(b"0" + last)
    runs = buoy.Runs(tmp_path, quiet)
    runs.compare("ray", "same bytes")
    assert runs.facts == [Fact("same bytes", False)]


def test_without_the_sample_data_the_hint_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sample, "find_spec", lambda name: None)
    assert main(["demo"]) == 2
    told = capsys.readouterr().err
    assert "error: The demo's data is not installed: `bokeh_sampledata` is missing" in told
    assert "hint: pip install 'raymill[demo]'" in told


def test_the_sample_data_is_found_without_loading_its_package() -> None:
    with gzip.open(sample.sample_file(buoy.FILE), "rt") as file:
        assert file.readline() == "time (UTC),temperature (celsius)\n"
    with pytest.raises(InputError, match="no file"):
        sample.sample_file("nothing.csv")


def test_a_run_that_ends_before_it_is_killed_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(killed, "__name__", "raymill.nothing")
    with pytest.raises(EngineError, match=r"made no checkpoint: .*raymill\.nothing"):
        killed.kill_a_run(tmp_path / "resumed")


def part_that(holds: bool) -> Part:
    return Part("One", "About <it>.", ("run", "n"), (("a", "1"),), (Fact("It & that", holds),))


def showing(folder: Path, say: Say) -> Part:
    say(folder.name)
    return part_that(True)


def failing(folder: Path, say: Say) -> Part:
    return part_that(False)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import ModuleType

    module = ModuleType(PLACE)
    module.showing, module.failing = showing, failing
    monkeypatch.setitem(sys.modules, PLACE, module)


@pytest.mark.usefixtures("parts")
def test_parts_run_in_turn_each_in_a_folder_of_its_own(tmp_path: Path) -> None:
    said: list[str] = []
    names = [f"{PLACE}:showing", f"{PLACE}:failing"]
    done = demo.run_demo(said.append, names, tmp_path / "demo")
    assert said == ["showing"]
    assert not done.holds
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        "failing",
        "index.html",
        "showing",
    ]


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(("name", "code"), [("showing", 0), ("failing", 1)])
def test_the_exit_code_says_whether_all_was_shown(
    name: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = demo.run_demo
    monkeypatch.setattr(command, "run_demo", lambda say: made(say, [f"{PLACE}:{name}"]))
    assert main(["demo", "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert told["holds"] is (code == 0)
    assert told["parts"][0]["rows"] == [{"run": "a", "n": "1"}]
    assert main(["demo"]) == code
    assert f"{'yes' if code == 0 else 'NO '} It & that" in capsys.readouterr().out


def test_text_on_the_page_is_escaped() -> None:
    text = page([part_that(True)])
    assert "About &lt;it&gt;." in text
    assert "It &amp; that" in text


def test_a_point_lies_where_its_value_says() -> None:
    times = np.array([0.0, DAY])
    chart = Chart("t", "m", [Curve("c", "line", times, np.array([0.0, 10.0]))], months=False)
    assert (chart.low, chart.high, chart.step) == (0.0, 10.0, 2.0)
    assert 'd="M46.0 300.0L946.0 30.0"' in chart.svg()  # the corners inside the margins
    assert [label for _, label in ticks(0, DAY, months=False)] == ["Jan 1 1970", "Jan 2"]


def test_a_flat_curve_can_be_drawn() -> None:
    curve = Curve("c", "line", np.array([0.0]), np.array([3.0]))
    assert "nan" not in Chart("t", "m", [curve]).svg()
