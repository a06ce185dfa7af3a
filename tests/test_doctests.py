"""Examples in docstrings are run."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import raymill

APART = ("raymill.__main__", "raymill.engines.ray", "raymill.compat")  # they need Ray
MODULES = [
    found.name
    for found in pkgutil.walk_packages(raymill.__path__, "raymill.", onerror=lambda _: None)
    if not found.name.startswith(APART)
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    module = importlib.import_module(name)
    if ">>>" in Path(str(module.__file__)).read_text(encoding="utf-8"):
        assert doctest.testmod(module).failed == 0
