"""The configuration of the older system: folders, how many workers, and what is fetched."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raymill.app.workflows import check_engine
from raymill.errors import ConfigError, unknown
from raymill.orchestrator.pools import LOCAL

FOLDERS: Mapping[str, str] = {
    "processing_dir": "input/processing",
    "sec_filings_dir": "sec-edgar-filings",
    "output_dir": "output",
}
KEYS = ("state_dir", *FOLDERS, "worker_pool_size", "forms", "since", "engine")
WORKERS = 4


@dataclass(frozen=True, slots=True)
class TickerConfig:
    """Where files of tickers lie, and how tickers are processed.

    forms, since: which filings, as of `raymill filings process`; engine: whose workers.
    """

    state_dir: Path
    processing_dir: Path
    sec_filings_dir: Path
    output_dir: Path
    workers: int = WORKERS
    forms: tuple[str, ...] = ()
    since: str | None = None
    engine: str = LOCAL


def ticker_config(
    config: Mapping[str, Any], *, workers: int | None = None, engine: str = LOCAL
) -> TickerConfig:
    """Check a configuration; its folders are taken from here on. Raises ConfigError.

    workers, engine: what holds where the configuration does not say.

    >>> ticker_config({"state_dir": "/srv/states"}).state_dir.as_posix()
    '/srv/states'
    """
    for name in config:
        if name not in KEYS:
            raise unknown("key of the configuration", name, KEYS)
    if not config.get("state_dir"):
        raise ConfigError(
            "The configuration has no `state_dir`", hint="config = {'state_dir': 'processing', ...}"
        )
    found = {name: config.get(name) or usual for name, usual in FOLDERS.items()}
    folders = {name: _folder(value) for name, value in found.items()}
    chosen = config.get("engine") or engine
    check_engine(chosen)
    return TickerConfig(
        state_dir=_folder(config["state_dir"]),
        **folders,
        workers=checked_count(workers or config.get("worker_pool_size") or WORKERS),
        forms=tuple(sorted(config.get("forms") or ())),
        since=config.get("since"),
        engine=chosen,
    )


def _folder(value: Any) -> Path:
    return Path(value).expanduser().absolute()


def checked_count(workers: Any) -> int:
    """A number of workers. Raises ConfigError."""
    if not isinstance(workers, int) or workers < 1:
        raise ConfigError(f"`{workers}` is no number of workers", hint="give 1 or more")
    return workers
