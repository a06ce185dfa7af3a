"""Where answers of the API are kept for a while."""

from raymill.config import settings
from raymill.config.paths import home
from raymill.state.answers import Answers, MemoryAnswers


def answer_place() -> Answers:
    """On the Redis server, for all replicas, where there is one; else in this process."""
    if address := settings().redis.address:
        from raymill.state.redis import RedisAnswers, RedisServer

        return RedisAnswers(RedisServer(address))
    return MemoryAnswers()


def store_name() -> str:
    """What tells the answers of one store from those of another."""
    return settings().database.address or str(home().absolute())
