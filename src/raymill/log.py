"""The log: short events with fields, on standard error.

Console lines on a terminal, JSON otherwise. Cheap to import: structlog is loaded with the first
line that is written.
"""

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Format: TypeAlias = Literal["auto", "console", "json"]

_SEVERITY: Mapping[str, int] = MappingProxyType({"debug": 0, "info": 1, "warning": 2, "error": 3})


class _InForce:
    level: Level = "warning"
    form: Format = "auto"


def configure(level: Level = "warning", form: Format = "auto") -> None:
    """Say what is logged and how, for this process."""
    _InForce.level, _InForce.form = level, form


class Logger:
    """Writes events with the fields that were bound to it.

    >>> get_logger(task="noop").bind(worker=1)
    Logger(task='noop', worker=1)
    """

    __slots__ = ("_fields",)

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def __repr__(self) -> str:
        return f"Logger({', '.join(f'{name}={value!r}' for name, value in self._fields.items())})"

    def bind(self, **fields: Any) -> "Logger":
        """Return a logger that adds these fields to each of its events."""
        return Logger(**{**self._fields, **fields})

    def debug(self, event: str, **fields: Any) -> None:
        """Note what only a developer wants to see."""
        self._write("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Note what happened."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Note what the user should look at."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Note what failed."""
        self._write("error", event, fields)

    def _write(self, level: Level, event: str, fields: Mapping[str, Any]) -> None:
        if _SEVERITY[level] >= _SEVERITY[_InForce.level]:
            getattr(_structlog(), level)(event, **self._fields, **fields)


def get_logger(**fields: Any) -> Logger:
    """Return a logger; `fields` go into each of its events."""
    return Logger(**fields)


def _structlog() -> Any:
    import structlog

    form = _InForce.form
    if form == "auto":
        form = "console" if sys.stderr.isatty() else "json"
    render: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if form == "console"
        else structlog.processors.JSONRenderer(default=str)
    )
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
    )
