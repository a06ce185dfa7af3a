"""Marks for what an engine cannot do, and the table of support that is made from them.

`@pytest.mark.notyet("ray", reason="...")`: the test must fail on that engine, or the build is red.
"""

import json
from pathlib import Path

import pytest

MARKS = {"notimpl": "not implemented", "notyet": "not yet", "never": "never"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--support", metavar="FILE", help="write what each engine can do as JSON")


def pytest_configure(config: pytest.Config) -> None:
    for name, text in MARKS.items():
        line = f"{name}(*engines, reason): {text} on these engines; must fail there"
        config.addinivalue_line("markers", line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if gap := _gap(item):
            item.add_marker(pytest.mark.xfail(reason=gap, strict=True))


def pytest_collection_finish(session: pytest.Session) -> None:
    file = session.config.getoption("--support")
    if file:
        Path(file).write_text(json.dumps(_support(session.items)), encoding="utf-8")


def _support(items: list[pytest.Item]) -> list[dict[str, object]]:
    rows: dict[str, dict[str, str]] = {}
    for item in items:
        if (engine := _engine(item)) and "conformance" in item.path.parts:
            name = getattr(item, "originalname", item.name)
            sentence = name.removeprefix("test_").replace("_", " ")
            cells = rows.setdefault(sentence, {})
            cells[engine] = _gap(item) or cells.get(engine, "yes")
    return [{"what": sentence, "engines": cells} for sentence, cells in rows.items()]


def _gap(item: pytest.Item) -> str | None:
    for name, text in MARKS.items():
        for mark in item.iter_markers(name):
            if _engine(item) in mark.args:
                return f"{text}: {mark.kwargs['reason']}"
    return None


def _engine(item: pytest.Item) -> str | None:
    call = getattr(item, "callspec", None)
    return call.params.get("engine") if call else None
