"""What a name means to `raymill run`: a task, a stream, a pipeline, a function that builds one."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from raymill.app.objects import load_object
from raymill.app.pipeline_file import PipelineFile, read_pipeline_file
from raymill.errors import ConfigError, RaymillError, unknown
from raymill.flow import registry
from raymill.flow.declare import Configured, Declared, as_declared
from raymill.flow.pipeline import Pipeline, Stream

YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Builder:
    """A function that takes a stream and gives a stream or a pipeline."""

    function: Callable[..., Any]


Thing = Configured | Stream | Pipeline | Builder | PipelineFile


@dataclass(frozen=True)
class Target:
    """What is to be run, and what it is called in summaries and file names."""

    name: str
    thing: Thing


def find(text: str) -> Target:
    """Find a registered task, `module:object`, `FILE.py:object`, `FILE.yaml`."""
    if text.endswith(YAML):
        return Target(Path(text).stem, read_pipeline_file(text))
    if ":" in text:
        thing = _as_thing(load_object(text), text)
        name = thing.name if isinstance(thing, Configured) else text.rpartition(":")[2]
        return Target(name, thing)
    if text not in (known := registry.names(registry.TASKS)):
        raise _unknown(text, known)
    return Target(text, as_declared(text))


def _unknown(text: str, known: list[str]) -> RaymillError:
    if text.endswith(".py") or ("." in text and _is_module(text)):
        return ConfigError(f"`{text}` names no object", hint=f"write {text}:OBJECT")
    if Path(text).is_file():
        return ConfigError(
            f"`{text}` is a file, where a task or a pipeline is expected",
            hint=f"the task comes first: raymill run kalman_filter {text}",
        )
    return unknown("task", text, known)


def _is_module(text: str) -> bool:
    try:
        return importlib.util.find_spec(text) is not None
    except (ImportError, ValueError):
        return False


def _as_thing(thing: Any, text: str) -> Thing:
    if isinstance(thing, Stream | Pipeline | Configured):
        return thing
    declared = isinstance(getattr(thing, "declared", thing), Declared)
    plain = callable(thing) and not isinstance(thing, type)
    if plain and not declared and _takes_stream(thing):
        return Builder(thing)
    if plain or declared:
        return as_declared(thing)
    kind = "a class" if isinstance(thing, type) else f"of type {type(thing).__name__}"
    raise ConfigError(
        f"`{text}` is {kind}, which cannot be run",
        hint="name a task, a Stream, a Pipeline, or a function that takes a Stream",
    )


def _takes_stream(function: Callable[..., Any]) -> bool:
    try:
        return Stream in get_type_hints(function).values()
    except (NameError, TypeError) as error:
        raise ConfigError(f"The annotations of {function!r} cannot be read: {error}") from error
