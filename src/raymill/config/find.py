"""Where the value of a setting comes from: the environment, an alias, or a settings file."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from raymill.errors import ConfigError

PREFIX = "RAYMILL_"
FILE_VARIABLE = "RAYMILL_CONFIG"
FILE_NAMES = ("raymill.toml", "raymill.yaml")


@dataclass(frozen=True, slots=True)
class Found:
    """A value that somebody gave, and where."""

    value: Any
    origin: str


def find(section: str, name: str, variable: str, aliases: Iterable[str] = ()) -> Found | None:
    """Look a setting up: its variable first, then its aliases, then the settings file."""
    if value := os.environ.get(variable):
        return Found(value, f"environment {variable}")
    for alias in aliases:
        if value := os.environ.get(alias):
            return Found(value, f"alias {alias}")
    path = settings_file()
    given = file_values(path).get(section, {}) if path else {}
    return Found(given[name], f"file {path}") if name in given else None


def settings_file() -> Path | None:
    """The settings file in use: `RAYMILL_CONFIG`, else `raymill.toml` or `raymill.yaml` here."""
    if named := os.environ.get(FILE_VARIABLE):
        return Path(named)
    return next((path for path in map(Path, FILE_NAMES) if path.is_file()), None)


def file_values(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Read a settings file: sections of names and values."""
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        hint = f"unset {FILE_VARIABLE} or name a file"
        raise ConfigError(f"Settings file `{path}`: {error.strerror}", hint=hint) from None
    return _read(path.absolute(), stamp)


def variables() -> frozenset[str]:
    """The names of all `RAYMILL_` variables that are set."""
    return frozenset(name for name in os.environ if name.startswith(PREFIX))


@lru_cache(maxsize=8)
def _read(path: Path, _stamp: int) -> Mapping[str, Mapping[str, Any]]:
    try:
        values = _parse(path)
    except (OSError, ValueError) as error:
        hint = "write sections of `name = value`, such as [streams]"
        raise ConfigError(f"Settings file `{path}` cannot be read: {error}", hint=hint) from None
    if not all(isinstance(section, dict) for section in values.values()):
        hint = "put each setting into its section, such as [streams]"
        raise ConfigError(f"Settings file `{path}` has a value outside of a section", hint=hint)
    return values


def _parse(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    if path.suffix not in (".yaml", ".yml"):
        return tomllib.loads(text)
    import yaml

    try:
        values = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    if not isinstance(values or {}, dict):
        raise ValueError("it is no mapping")
    return values or {}
