"""Examples in docstrings are run."""

import doctest
import importlib
import pkgutil

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
    assert doctest.testmod(importlib.import_module(name)).failed == 0
