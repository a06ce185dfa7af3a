"""The log: short events with fields, on standard error.

Console lines on a terminal, JSON otherwise. Cheap to import: structlog is loaded with the first
line that is written.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Format: TypeAlias = Literal["auto", "console", "json"]

_SEVERITY: Mapping[str, int] = MappingProxyType({"debug": 0, "info": 1, "warning": 2, "error": 3})


Keep: TypeAlias = Callable[[str, str, Mapping[str, Any]], None]
_keep: ContextVar[Keep | None] = ContextVar("raymill_log_keep", default=None)


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
        if (keep := _keep.get()) is not None:
            keep(level, event, {**self._fields, **fields})
        if _SEVERITY[level] >= _SEVERITY[_InForce.level]:
            getattr(_structlog(), level)(event, **self._fields, **fields)


def get_logger(**fields: Any) -> Logger:
    """Return a logger; `fields` go into each of its events."""
    return Logger(**fields)


class kept:  # noqa: N801
    """Hand each line that is logged inside to `keep` too: level, event, fields; all levels."""

    __slots__ = ("_keep", "_token")

    def __init__(self, keep: Keep) -> None:
        self._keep = keep

    def __enter__(self) -> None:
        self._token = _keep.set(self._keep)

    def __exit__(self, *_: object) -> None:
        _keep.reset(self._token)


def keep_standard() -> None:
    """Have lines of the standard library's `logging` kept as well, from `INFO` on."""
    root = logging.getLogger()
    if any(isinstance(handler, _Standard) for handler in root.handlers):
        return
    if not root.handlers:
        root.setLevel(logging.INFO)
    root.addHandler(_Standard())


class _Standard(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        keep = _keep.get()
        if keep is not None:
            keep(record.levelname.lower(), record.getMessage(), {"logger": record.name})
        elif record.levelno >= logging.WARNING and logging.lastResort is not None:
            logging.lastResort.handle(record)


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
