"""Tests that are run again with another host in the place of this process.

A test says by its mark `in_process` why it is not among them. Files that are not: those of parts
that know no host (answers, glance, client), and of the server of the local one (listen, wire).
"""

from types import ModuleType
from typing import Any

import pytest


def again(module: ModuleType) -> dict[str, Any]:
    """The tests of a module by name, and its fixtures; not those that are for this process only."""
    found = vars(module).items()
    return {name: one for name, one in found if _is_fixture(one) or _is_for_all(name, one)}


def _is_fixture(one: Any) -> bool:
    return isinstance(one, type(_fixture))


def _is_for_all(name: str, one: Any) -> bool:
    marks = getattr(one, "pytestmark", ())
    return name.startswith("test_") and "in_process" not in [mark.name for mark in marks]


@pytest.fixture
def _fixture() -> None:
    """What a fixture is."""
