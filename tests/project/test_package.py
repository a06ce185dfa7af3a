"""A package of somebody else adds tasks, sources, an engine, a service, and raymill uses them."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from raymill.bench.services.servers import Server

pytestmark = pytest.mark.system

PACKAGE = Path(__file__).parents[1] / "packages" / "tides"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install` makes of the package: its modules and its metadata."""
    place = tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE / "src" / "tides", place / "tides")
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    about = place / f"{project['name']}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    lines = [
        line
        for group, points in groups
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines))
    return place


def with_package(site: Path) -> dict[str, str]:
    """The environment of a process that finds the package."""
    return {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def raymill(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**with_package(site), "RAYMILL_WORKFLOWS_IDLE_S": "0"}
    command = [sys.executable, "-m", "raymill", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_its_task_is_listed_with_its_package(site: Path, tmp_path: Path) -> None:
    listed = json.loads(raymill(site, tmp_path, "tasks", "ls", "--json").stdout)
    row = {"name": "metres", "text": "Turn feet over a datum into metres.", "package": "tides"}
    assert row in listed


def test_its_task_source_sink_and_engine_run_together(site: Path, tmp_path: Path) -> None:
    (tmp_path / "gauge.dat").write_text("Dover   10.0\nCalais  20.0\n")
    done = raymill(
        site,
        tmp_path,
        *("run", "metres", "gauge.dat", "--from", "fixed-width", "--to", "fixed-width"),
        *("-o", "out.dat", "--engine", "careful", "--set", "datum=5"),
    )
    assert done.returncode == 0, done.stderr
    # (10 - 5) * 0.3048 = 1.524 and (20 - 5) * 0.3048 = 4.572
    assert (tmp_path / "out.dat").read_text() == (
        "station height  value\nDover   10.0    1.524\nCalais  20.0    4.572\n"
    )
    assert "metres on careful" in done.stderr
    assert "warning: read 2 columns with care" in done.stderr


def test_its_source_of_market_data_is_listed_and_crawled(site: Path, tmp_path: Path) -> None:
    listed = json.loads(raymill(site, tmp_path, "market", "sources", "--json").stdout)
    (row,) = [row for row in listed if row["source"] == "harbour"]
    assert (row["kinds"], row["intervals"]) == (["bar"], ["1d"])
    done = raymill(
        site,
        tmp_path,
        *("market", "crawl", "harbour", "COD", "--json"),
        *("--start", "2024-01-01", "--end", "2024-01-11"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["new"] == 10
    wrong = raymill(site, tmp_path, "market", "crawl", "harbour", "CODD", "--start", "2024-01-01")
    assert "did you mean `COD`?" in wrong.stderr


def test_a_misspelt_name_of_the_package_is_guessed(site: Path, tmp_path: Path) -> None:
    done = raymill(site, tmp_path, "run", "metre", "gauge.dat")
    assert done.returncode == 2
    assert "did you mean `metres`?" in done.stderr


def test_its_service_is_served_with_its_settings(site: Path, tmp_path: Path) -> None:
    (tmp_path / "raymill.toml").write_text("[almanac]\nmax_replicas = 3\n")
    env = {**with_package(site), "ALMANAC_ZONE": "Europe/Paris"}
    with Server([sys.executable, "-m", "raymill", "serve", "--port", "0"], env, tmp_path) as server:
        found = json.loads(server.ask("/api/almanac/high/Calais"))
        water = {"station": "Calais", "at": "06:41", "zone": "Europe/Paris"}
        assert found == {"status": "success", "water": water}
        assert json.loads(server.ask("/health"))["services"]["almanac"] == "healthy"
        assert json.loads(server.ask("/api/almanac/status"))["data"]["service"] == "almanac"
        described = json.loads(server.ask("/openapi.json"))["paths"]
        assert "/api/almanac/high/{station}" in described


def test_a_setting_that_its_service_does_not_have_is_refused(site: Path, tmp_path: Path) -> None:
    (tmp_path / "raymill.toml").write_text("[almanac]\nmax_replica = 3\n")
    done = raymill(site, tmp_path, "serve", "--port", "0")
    assert done.returncode == 2
    assert "did you mean `max_replicas`" in done.stderr
