import json
import re
from pathlib import Path

import pytest

from raymill.cli import main


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_table_says_where_a_value_came_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYMILL_LOG_LEVEL", "info")
    assert main(["config", "show"]) == 0
    lines = [re.split(r"  +", line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["setting", "value", "unit", "from"]
    assert ["log.level", "info", "environment RAYMILL_LOG_LEVEL"] in lines
    assert ["log.format", "auto", "default"] in lines


def test_json_has_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["streams.key_groups"] == {
        "name": "streams.key_groups",
        "value": 64,
        "unit": "groups",
        "origin": "default",
        "default": 64,
        "variable": "RAYMILL_STREAMS_KEY_GROUPS",
        "aliases": [],
        "text": "Groups that keys are cut into; more workers than groups stay idle",
    }


def test_a_misspelt_variable_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYMILL_LOG_LEVLE", "info")
    assert main(["config", "show"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("warning: `RAYMILL_LOG_LEVLE` belongs to no setting; did you mean")
    assert "`RAYMILL_LOG_LEVEL`" in err


def test_a_wrong_setting_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYMILL_LOG_LEVEL", "loud")
    assert main(["config", "show"]) == 2
    assert "error: Setting `log.level` is `loud`" in capsys.readouterr().err
