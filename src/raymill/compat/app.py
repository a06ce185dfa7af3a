"""The functions of the older application, over its usual folders: in this process, without Ray.

Interrupt the program as you like: what was asked for is on the disk and is processed all the same.
"""

import os
import threading
from typing import Any

from raymill.compat.ticker_config import ticker_config
from raymill.compat.tickers import Tickers
from raymill.config.paths import home
from raymill.filings.status import ProcessingState

CONFIG = {
    "state_dir": "input/processing",
    "processing_dir": "input/processing",
    "sec_filings_dir": "sec-edgar-filings",
    "output_dir": "output",
}
"""The folders of the older application, below the current one."""


def process_ticker_file(path: str, ticker: str, timeout: float | None = None) -> ProcessingState:
    """Have a ticker processed that came in a file. Gives its state at the end.

    After `timeout` seconds it gives the state as it stands; the run goes on.
    """
    ticket = _tickers().submit(str(path), ticker)
    return ticket.refused or _tickers().wait([ticker], timeout)[ticker]


def get_processing_status() -> dict[str, Any]:
    """What became of tickers, how many stand where, and what each worker did."""
    return _tickers().status()


def retry_failed_ticker(ticker: str, timeout: float | None = None) -> bool:
    """Take a ticker up that failed, at the step where it failed. Gives whether it then completed.

    Raises ConfigError if it was never asked for.
    """
    _tickers().retry(ticker)
    return _tickers().wait([ticker], timeout)[ticker].is_completed()


def cleanup_resources(keep_days: float = 7) -> dict[str, int]:
    """Drop states in memory, and the files of states that completed so many days ago."""
    return _tickers().clean_up(keep_days)


def close() -> None:
    """Let go of the stores that were opened. What was asked for is processed all the same."""
    while _open:
        _open.popitem()[1].close()


_open: dict[tuple[str, str], Tickers] = {}
_lock = threading.Lock()


def _tickers() -> Tickers:
    here = (str(home().absolute()), os.getcwd())
    with _lock:
        if here not in _open:
            _open[here] = Tickers(ticker_config(CONFIG))
        return _open[here]
