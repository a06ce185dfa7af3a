"""The standard metrics, as the table `metrics.toml` has them, or one of the user's own."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from raymill.errors import ConfigError, InputError, unknown

KINDS = ("flow", "balance", "per_share", "shares", "average_shares")
_MONEY = re.compile(r"[A-Z]{3}")
_PER_SHARE = re.compile(r"[A-Z]{3}/shares")


@dataclass(frozen=True, slots=True)
class Metric:
    """One standard metric: what it is, and the concepts that report it, the best first."""

    name: str
    text: str
    kind: str
    concepts: tuple[tuple[str, str], ...]  # (taxonomy, concept)

    @property
    def is_additive(self) -> bool:
        """Whether periods add up: amounts do, averages and amounts per share do not."""
        return self.kind == "flow"

    @property
    def is_instant(self) -> bool:
        """Whether it is of a day, not of a period."""
        return self.kind in ("balance", "shares")

    def takes(self, unit: str) -> bool:
        """Whether a value in this unit can be one of it.

        >>> find("revenue").takes("USD"), find("revenue").takes("USD/shares")
        (True, False)
        """
        if self.kind in ("flow", "balance"):
            return _MONEY.fullmatch(unit) is not None
        if self.kind == "per_share":
            return _PER_SHARE.fullmatch(unit) is not None
        return unit == "shares"


@dataclass(frozen=True, slots=True)
class Metrics:
    """A table of metrics; facts are standardised anew when its version differs."""

    version: str
    by_name: Mapping[str, Metric]

    def find(self, name: str) -> Metric:
        """The metric of a name. Raises UnknownName with near matches."""
        if name not in self.by_name:
            raise unknown("metric", name, self.by_name)
        return self.by_name[name]


@cache
def standard() -> Metrics:
    """The table that comes with raymill."""
    return _read(files("raymill.filings").joinpath("metrics.toml").read_bytes(), "metrics.toml")


def find(name: str) -> Metric:
    """A metric of the table that comes with raymill."""
    return standard().find(name)


def load(path: str | Path) -> Metrics:
    """Read a table of one's own, in the form of `metrics.toml`. Raises InputError, ConfigError."""
    try:
        return _read(Path(path).read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"Table `{path}` cannot be read: {error.strerror}") from error


def _read(data: bytes, name: str) -> Metrics:
    try:
        rows = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"Table `{name}` is no TOML: {error}") from error
    made = {metric: _metric(metric, row, name) for metric, row in rows.items()}
    return Metrics(hashlib.sha256(data).hexdigest()[:12], made)


def _metric(metric: str, row: Any, name: str) -> Metric:
    hint = 'write [name], text = "...", kind = "flow", concepts = ["Revenues"]'
    concepts = row.get("concepts") if isinstance(row, dict) else None
    if not isinstance(concepts, list) or not all(isinstance(one, str) for one in concepts):
        raise ConfigError(f"Metric `{metric}` in `{name}` names no concepts", hint=hint)
    if row.get("kind") not in KINDS:
        raise unknown(f"kind of metric `{metric}`:", str(row.get("kind")), KINDS, kind=ConfigError)
    pairs = (one.rpartition(":") for one in concepts)
    tags = tuple((taxonomy or "us-gaap", concept) for taxonomy, _, concept in pairs)
    return Metric(metric, str(row.get("text", "")), row["kind"], tags)
