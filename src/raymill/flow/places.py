"""Where workflows lie: registered names, `module:object`, `FILE.py:object`, children behind `#`."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from raymill.errors import ConfigError, RaymillError, unknown
from raymill.flow import registry
from raymill.flow.workflow import Workflow


@lru_cache(maxsize=256)
def workflow_at(place: str) -> Workflow:
    """Load the workflow at a place. Raises UnknownName, InputError, ConfigError."""
    root, *steps = place.split("#")
    return _inside(_located(root), steps, place)


def among(*flows: Workflow) -> Callable[[str], Workflow]:
    """A look-up of workflows by name, for those that lie nowhere else."""
    known = {flow.name: flow for flow in flows}

    def find(place: str) -> Workflow:
        root, *steps = place.split("#")
        if root not in known:
            raise unknown("workflow", root, known)
        return _inside(known[root], steps, place)

    return find


def _inside(found: Any, steps: list[str], place: str) -> Workflow:
    for name in steps:
        found = found.by_name[name].run if name in getattr(found, "by_name", {}) else None
    if not isinstance(found, Workflow):
        kind = type(found).__name__
        raise ConfigError(
            f"`{place}` is of type {kind}, not a Workflow", hint="name a Workflow of a module"
        )
    return found


def _located(root: str) -> Any:
    if ":" not in root:
        return registry.load(registry.WORKFLOWS, root)
    try:
        return registry.locate(root)
    except RaymillError:
        raise
    except Exception as error:  # whatever the user's module raises while it is loaded
        raise ConfigError(f"`{root}` cannot be loaded: {type(error).__name__}: {error}") from error
