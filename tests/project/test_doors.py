"""Doors: what only one room may do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "raymill"
READERS = ("os.getenv", "os.environ.get")
FILES = sorted(SRC.rglob("*.py"))


def reads_of_the_environment(tree: ast.AST) -> Iterator[int]:
    """Lines that read a variable; setting one for another library is no read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in READERS:
            yield node.lineno
        loads = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        if loads and ast.unparse(node.value) == "os.environ":
            yield node.lineno


def imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_only_config_reads_the_environment() -> None:
    found = {}
    for path in FILES:
        text = path.read_text()
        if path.relative_to(SRC).parts[0] != "config" and ("environ" in text or "getenv" in text):
            found[path] = list(reads_of_the_environment(ast.parse(text)))
    assert {path: lines for path, lines in found.items() if lines} == {}
    assert found  # there are files that name it


DOORS = {"orjson": "json.py", "structlog": "log.py", "psycopg": "state/postgres_wait.py"}


@pytest.mark.system
@pytest.mark.parametrize("library", DOORS)
def test_a_library_with_a_door_is_imported_there_alone(library: str) -> None:
    users = {path for path in FILES if library in imports(ast.parse(path.read_text()))}
    assert users == {SRC / DOORS[library]}


def test_no_loop_is_compiled_with_fastmath() -> None:
    assert [path for path in FILES if "fastmath=True" in path.read_text()] == []
