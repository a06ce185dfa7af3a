"""The Redis or Valkey server that may keep permits and answers; without one the store does."""

from typing import ClassVar

from pydantic import SecretStr

from raymill.config.section import setting
from raymill.config.server import ServerSettings


class RedisSettings(ServerSettings):
    """Settings of the server; nothing is kept there that may not be lost."""

    section: ClassVar[str] = "redis"
    schemes: ClassVar[tuple[str, ...]] = ("redis://", "rediss://", "unix://")

    url: SecretStr | None = setting(
        None,
        "Address, as in `redis://:password@host:6379/0`; none keeps permits in the store",
        aliases=("REDIS_URL",),
    )
