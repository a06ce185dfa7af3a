"""Parameters are checked once, where outside data enters."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from annotated_types import Gt

from raymill.errors import ConfigError, InputError, UnknownName
from raymill.flow.parameters import call_with, properties, read_config, validate
from raymill.flow.signature import Parameter

PARAMETERS = (
    Parameter("window", Annotated[int, Gt(0)], 10),
    Parameter("names", tuple[str, ...], ()),
    Parameter("ranges", dict[str, tuple[float, float]], {}),
    Parameter("file", str),
)


def test_text_is_read_as_the_type_and_else_as_yaml() -> None:
    given = {"window": "5", "names": "[a, b]", "ranges": "{x: [0, 1.5]}", "file": "007"}
    assert validate("t", PARAMETERS, given) == {
        "window": 5,
        "names": ("a", "b"),
        "ranges": {"x": (0.0, 1.5)},
        "file": "007",
    }


def test_defaults_are_filled_in() -> None:
    assert validate("t", PARAMETERS, {"file": "x"})["window"] == 10


@pytest.mark.parametrize(
    ("given", "kind", "message", "hint"),
    [
        ({"file": "x", "windw": 1}, UnknownName, "`windw`", "did you mean `window`"),
        ({}, ConfigError, "Task `t` needs parameter `file`", "--set file=VALUE"),
        ({"file": "x", "window": 0}, ConfigError, "`window` of task `t` cannot be 0", "tasks show"),
        ({"file": "x", "window": "ten"}, ConfigError, "cannot be 'ten'", "tasks show"),
    ],
)
def test_what_is_wrong_is_named(
    given: dict[str, Any], kind: type[ConfigError], message: str, hint: str
) -> None:
    with pytest.raises(kind, match=message) as refused:
        validate("t", PARAMETERS, given)
    assert hint in str(refused.value.hint)


def test_properties_as_java_writes_them() -> None:
    text = "! note\n A.B=1\nC : two words \nD=one,\\\n  two\nE\n#F=1\nG=a=b\n"
    assert properties(text) == {
        "A.B": "1",
        "C": "two words",
        "D": "one,two",
        "E": "",
        "G": "a=b",
    }


def test_a_properties_file_configures_many_tasks(tmp_path: Path) -> None:
    path = tmp_path / "all.properties"
    path.write_text("A.WINDOW=3\nA.FIELD=4\nB.OTHER=1\n", encoding="utf-8")
    rules = {"A.WINDOW": "window", "A.FIELD": lambda text: {"field": f"f{text}"}, "A.NONE": "x"}
    assert read_config(path, rules) == {"window": "3", "field": "f4"}


def test_a_yaml_file_holds_the_parameters(tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    path.write_text("window: 3\nnames: [a]\n", encoding="utf-8")
    assert read_config(path, {}) == {"window": 3, "names": ["a"]}
    path.write_text("", encoding="utf-8")
    assert read_config(path, {}) == {}
    path.write_text("- 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no mapping"):
        read_config(path, {})
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not YAML"):
        read_config(path, {})
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path / "none.yaml", {})


def test_a_function_gets_the_values_that_it_names() -> None:
    assert call_with(lambda b, a: (a, b), {"a": 1, "b": 2, "c": 3}) == (1, 2)
