"""Names that mean code: entry points of installed packages, `module:object`, `FILE.py:object`."""

import hashlib
import importlib
import importlib.util
import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from raymill.errors import ConfigError, EngineUnavailable, InputError, unknown

TASKS = "raymill.tasks"
SOURCES = "raymill.sources"
SINKS = "raymill.sinks"
ENGINES = "raymill.engines"
WORKFLOWS = "raymill.workflows"
POOLS = "raymill.pools"
BATCHES = "raymill.batches"
MARKET_SOURCES = "raymill.market_sources"
STRATEGIES = "raymill.strategies"
SERVICES = "raymill.services"

_NOUNS = {
    TASKS: "task",
    SOURCES: "format",
    SINKS: "output format",
    ENGINES: "engine",
    WORKFLOWS: "workflow",
    POOLS: "engine",
    BATCHES: "engine",
    MARKET_SOURCES: "market source",
    STRATEGIES: "strategy",
    SERVICES: "service",
}


@lru_cache(maxsize=16)
def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def names(group: str) -> list[str]:
    """List what is registered in a group, by name.

    >>> "kalman_filter" in names(TASKS)
    True
    """
    return sorted(_points(group))


def load(group: str, name: str) -> Any:
    """Load what is registered under `name`. Raises UnknownName with near matches."""
    point = _points(group).get(name)
    if point is None:
        raise unknown(_NOUNS.get(group, group), name, names(group))
    try:
        return point.load()
    except ImportError as error:
        raise EngineUnavailable(
            f"{_NOUNS.get(group, group).capitalize()} `{name}` cannot be loaded: {error}",
            hint=f"install what `{point.value}` needs, for example pip install 'raymill[{name}]'",
        ) from error


def is_own(group: str, name: str) -> bool:
    """Whether a registered name is raymill's own, and not of another package."""
    point = _points(group).get(name)
    return point is not None and point.value.startswith("raymill.")


def locate(reference: str) -> Any:
    """Load `module:object` or `FILE.py:object`. Raises InputError or ConfigError."""
    place, _, attribute = reference.rpartition(":")
    if not place:
        raise ConfigError(
            f"`{reference}` names no object", hint="write module:object or FILE.py:object"
        )
    module = _from_file(place) if place.endswith(".py") else _from_module(place)
    value: Any = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            raise unknown(
                f"object in `{place}`", attribute, [n for n in vars(module) if n[0] != "_"]
            )
        value = getattr(value, part)
    return value


def _from_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(f"Module `{name}` cannot be imported: {error}") from error


def _from_file(place: str) -> ModuleType:
    path = Path(place).resolve()
    name = f"raymill_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise InputError(f"File `{place}` does not exist")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"File `{place}` is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def reference_to(thing: Any) -> str | None:
    """Say how another process finds a function or class again; None if it cannot (a REPL, a
    closure)."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "<")
    if module in (None, "__main__") or "<" in name:
        return None
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    return f"{file if module.startswith('raymill_file_') else module}:{name}"
