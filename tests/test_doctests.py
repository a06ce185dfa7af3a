"""Examples in docstrings are run."""

import doctest
import importlib
import pkgutil
from importlib.util import find_spec
from pathlib import Path

import pytest

import raymill

APART = ("raymill.__main__", "raymill.engines.ray", "raymill.compat")  # they need Ray
MODULES = [
    found.name
    for found in pkgutil.walk_packages(raymill.__path__, "raymill.", onerror=lambda _: None)
    if not found.name.startswith(APART)
]


def has_examples(name: str) -> bool:
    return ">>>" in Path(str(find_spec(name).origin)).read_text(encoding="utf-8")


def test_every_module_can_be_imported() -> None:
    for name in MODULES:
        importlib.import_module(name)


@pytest.mark.parametrize("name", [*filter(has_examples, MODULES)])
def test_the_examples_of_a_module_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
