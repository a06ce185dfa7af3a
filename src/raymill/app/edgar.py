"""The SEC's servers, as the settings say: who asks, how often, and where bodies are kept."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from raymill.config import settings
from raymill.config.filings import FilingSettings
from raymill.config.paths import home
from raymill.filings.answers import judge
from raymill.filings.archive import Archive
from raymill.filings.edgar import Edgar, Servers
from raymill.net import Fetcher, Http, Timeouts, Tries
from raymill.state.database import Database, open_database
from raymill.state.limits import Rate
from raymill.state.shared_limit import SharedLimit

LIMIT = "sec.gov"
"""The name of the limit that all share who fetch from the SEC."""

KILLED = timedelta(days=1)  # half-written files of processes that were killed are kept so long


@contextmanager
def open_edgar(
    given: FilingSettings | None = None,
    *,
    database: Database | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Edgar]:
    """Open the SEC's servers; threads may share what it gives.

    database: where the permits of the whole cluster are; without it, where the settings say.
    sleep: waits between tries and for permits; it may raise, to give up.

    Raises ConfigError where the settings name no identity.
    """
    chosen = given or settings().filings
    identity = chosen.who()
    archive = Archive(chosen.folder())
    archive.sweep(datetime.now(UTC) - KILLED)
    with (
        _permits(chosen, database) as limit,
        Http(timeouts=Timeouts(chosen.connect_s, chosen.read_s)) as http,
    ):
        fetcher = Fetcher(
            http,
            judge=judge(chosen.block_minutes * 60),
            limit=limit,
            tries=Tries(most=chosen.tries, deadline_s=chosen.deadline_s),
            sleep=sleep,
        )
        servers = Servers(chosen.www_url, chosen.data_url)
        yield Edgar(fetcher, archive, identity=identity, servers=servers)


@contextmanager
def _permits(chosen: FilingSettings, database: Database | None) -> Iterator[SharedLimit]:
    """The limit of all who fetch filings, in the store of this home."""
    opened = database or open_database(home(), settings().database.address)
    try:
        yield SharedLimit(opened, LIMIT, Rate(chosen.rate))
    finally:
        if database is None:
            opened.close()
