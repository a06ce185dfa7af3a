import json
import re
from pathlib import Path

import pytest

from raymill.cli import installed, main


def checks(capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, dict[str, str]]:
    assert main(["doctor", "--json"]) == code
    return {check["name"]: check for check in json.loads(capsys.readouterr().out)}


def test_the_doctor_tells_home_without_making_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = checks(capsys)["home"]
    assert home["found"] == f"{tmp_path / 'home'} (made on first write)"
    assert not (tmp_path / "home").exists()


def test_the_doctor_tells_the_sqlite_that_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    version = checks(capsys)["sqlite"]["found"].split()[0]
    assert tuple(map(int, version.split("."))) >= (3, 51, 3)


def test_the_doctor_looks_without_importing_ray(capsys: pytest.CaptureFixture[str]) -> None:
    found = checks(capsys)
    assert found["engines"]["found"] == "local, ray"
    assert found["python"]["state"] == "ok"


def test_a_home_that_cannot_be_written_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAYMILL_HOME", str(tmp_path / "file" / "home"))
    home = checks(capsys, code=1)["home"]
    assert home["state"] == "problem"
    assert "RAYMILL_HOME" in home["hint"]


def test_a_wrong_setting_is_a_problem_and_the_rest_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYMILL_LOG_LEVEL", "loud")
    found = checks(capsys, code=1)
    assert found["settings"]["state"] == "problem"
    assert "numpy" in found


def test_problems_are_told_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYMILL_NONSENSE", "1")
    assert main(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ["check", "state", "found"]
    assert err == "warning: settings\nhint: unset RAYMILL_NONSENSE\n"


def test_an_extra_counts_as_installed_with_all_its_libraries() -> None:
    assert "filings" in installed.extras()
    assert installed.library_version("no-such-library") is None


def test_a_database_is_told_with_its_version(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYMILL_DATABASE_URL", postgres_url.replace("@", ":secret@"))
    found = checks(capsys)["database"]
    assert re.match(r"PostgreSQL \d+\.\d+ at postgresql://postgres@/test_\d+", found["found"])
    assert "secret" not in json.dumps(found)


def test_a_database_that_cannot_be_reached_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("RAYMILL_DATABASE_URL", f"postgresql://ada:secret@/mill?host={tmp_path}")
    found = checks(capsys, code=1)["database"]
    assert found["state"] == "problem"
    assert found["found"].startswith("PostgreSQL at `postgresql://ada@/mill?host=")
    assert "cannot be reached" in found["found"]
    assert "secret" not in json.dumps(found)
