"""The keys of the HTTP API, where the settings say that they lie."""

from functools import lru_cache

from raymill.config import settings
from raymill.config.paths import home
from raymill.state.database import Database, open_database
from raymill.state.keys import Keys
from raymill.state.ledger import DatabaseLedger, Ledger


def stored_keys() -> Keys:
    """The keys of this home, or of its server."""
    return Keys(key_store())


def rate_ledger() -> Ledger:
    """Where the permits of keys are kept: on the Redis server where there is one, else here."""
    if address := settings().redis.address:
        from raymill.state.redis import RedisLedger, RedisServer

        return RedisLedger(RedisServer(address))
    return DatabaseLedger(key_store())


def key_store() -> Database:
    """The tables that keys lie in."""
    return _database(str(home().absolute()), settings().database.address)


@lru_cache(maxsize=8)
def _database(folder: str, url: str) -> Database:
    return open_database(folder, url)
