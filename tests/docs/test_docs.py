"""The documents hold: their code runs, their commands exist, nothing is forgotten."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from raymill import errors
from raymill.cli.commands import COMMANDS
from raymill.config.sections import SECTIONS
from raymill.errors import RaymillError
from raymill.flow.registry import SINKS, SOURCES, TASKS, names

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in WRITTEN)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in WRITTEN:
        text = page.read_text(encoding="utf-8")
        found += [(page.name, code) for kind, code in FENCE.findall(text) if kind == language]
    return found


@pytest.mark.system
@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_the_python_of_a_page_runs(page: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "page.py"
    file.write_text(code)
    done = subprocess.run([sys.executable, file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_command_that_a_page_shows_exists() -> None:
    known = {command.name for command in COMMANDS}
    firsts = {name.split()[0] for name in known}
    for page, code in blocks("console"):
        for words in re.findall(r"raymill ([a-z]\S*)(?: ([a-z]\S*))?", code):
            assert words[0] in firsts, page
            assert words[0] in known or " ".join(words) in known, page


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z][a-z-]*)$", TEXT, re.M))))
def test_every_target_that_a_page_shows_exists(target: str) -> None:
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.M)


def everything() -> list[str]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return [
        *(command.name for command in COMMANDS),
        *(section.variable(name) for section in SECTIONS for name in section.model_fields),
        *(kind.__name__ for kind in kinds if issubclass(kind, RaymillError)),
        *(name for group in (TASKS, SOURCES, SINKS) for name in names(group)),
    ]


def test_every_name_is_in_the_docs() -> None:
    assert [name for name in everything() if name not in TEXT] == []


def test_the_readme_is_short_and_names_both_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) < 150
    assert "make demo\n" in text
    assert "make test\n" in text


def test_a_link_leads_to_a_page() -> None:
    for page in WRITTEN:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"
