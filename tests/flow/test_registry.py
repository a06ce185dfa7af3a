"""Names that mean code."""

from pathlib import Path
from typing import Any

import pytest

from raymill.errors import ConfigError, EngineUnavailable, InputError, UnknownName
from raymill.flow import registry
from raymill.flow.registry import load, locate, names, reference_to
from raymill.tasks.kalman_filter import kalman_filter


@pytest.mark.parametrize(
    ("group", "name", "message", "hint"),
    [
        (registry.TASKS, "kalman", "Unknown task `kalman`", "`kalman_filter`"),
        (registry.SINKS, "parkuet", "Unknown output format `parkuet`", "`parquet`"),
        (registry.ENGINES, "baem", "Unknown engine `baem`", "there are: local, ray"),
    ],
)
def test_an_unknown_name_has_near_matches(group: str, name: str, message: str, hint: str) -> None:
    with pytest.raises(UnknownName, match=message) as unknown:
        load(group, name)
    assert hint in str(unknown.value.hint)


@pytest.mark.parametrize("name", names(registry.TASKS))
def test_each_registered_task_loads_and_says_what_it_does(name: str) -> None:
    from raymill.flow import as_declared

    declared = as_declared(name).declared
    assert declared.description
    assert declared.schema()["type"] == "object"


def test_what_cannot_be_loaded_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    point = EntryPoint("broken", "raymill.no_such_module:x", registry.ENGINES)
    monkeypatch.setattr(registry, "_points", lambda group: {"broken": point})
    with pytest.raises(EngineUnavailable, match="Engine `broken` cannot be loaded") as refused:
        load(registry.ENGINES, "broken")
    assert "raymill[broken]" in str(refused.value.hint)


def test_objects_are_found_by_module_and_by_file(tmp_path: Path) -> None:
    assert locate("raymill.tasks.kalman_filter:kalman_filter") is kalman_filter
    path = tmp_path / "mine.py"
    path.write_text("class A:\n    b = 7\n", encoding="utf-8")
    assert locate(f"{path}:A.b") == 7
    assert locate(f"{path}:A") is locate(f"{path}:A")


@pytest.mark.parametrize(
    ("reference", "kind", "message"),
    [
        ("no_object", ConfigError, "names no object"),
        ("no.such.module:x", InputError, "cannot be imported"),
        ("none.py:x", InputError, "does not exist"),
        ("raymill.json:dumsp", UnknownName, "Unknown object in `raymill.json` `dumsp`"),
    ],
)
def test_what_cannot_be_found_is_named(reference: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        locate(reference)


def test_a_module_that_fails_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        locate(f"{path}:x")
    path.write_text("x = 1  # mended\n", encoding="utf-8")  # Python goes by size and second
    assert locate(f"{path}:x") == 1


def test_a_reference_leads_back_to_the_thing(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def f(): pass\n", encoding="utf-8")
    found: Any = locate(f"{path}:f")
    assert locate(str(reference_to(found))) is found
    assert reference_to(kalman_filter) == "raymill.tasks.kalman_filter:kalman_filter"
    assert reference_to(lambda: 0) is None
