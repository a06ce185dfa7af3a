"""The SEC's servers, as the settings say: who asks, how often, and where bodies are kept."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from raymill.config import settings
from raymill.config.filings import FilingSettings
from raymill.filings.answers import judge
from raymill.filings.archive import Archive
from raymill.filings.edgar import Edgar, Servers
from raymill.net import Fetcher, Http, Limit, Timeouts, Tries

KILLED = timedelta(days=1)  # half-written files of processes that were killed are kept so long


@contextmanager
def open_edgar(
    given: FilingSettings | None = None,
    *,
    limit: Limit | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Edgar]:
    """Open the SEC's servers; threads may share what it gives.

    limit: the permits to fetch; without it, none are asked for.
    sleep: waits between tries and for permits; it may raise, to give up.

    Raises ConfigError where the settings name no identity.
    """
    chosen = given or settings().filings
    identity = chosen.who()
    archive = Archive(chosen.folder())
    archive.sweep(datetime.now(UTC) - KILLED)
    with Http(timeouts=Timeouts(chosen.connect_s, chosen.read_s)) as http:
        fetcher = Fetcher(
            http,
            judge=judge(chosen.block_minutes * 60),
            limit=limit,
            tries=Tries(most=chosen.tries, deadline_s=chosen.deadline_s),
            sleep=sleep,
        )
        servers = Servers(chosen.www_url, chosen.data_url)
        yield Edgar(fetcher, archive, identity=identity, servers=servers)
