"""The Redis or Valkey server that may keep permits and answers; without one the store does."""

from typing import ClassVar

from pydantic import SecretStr, field_validator

from raymill.config.section import Section, setting

SCHEMES = ("redis://", "rediss://", "unix://")


class RedisSettings(Section):
    """Settings of the server; nothing is kept there that may not be lost."""

    section: ClassVar[str] = "redis"

    url: SecretStr | None = setting(
        None,
        "Address, as in `redis://:password@host:6379/0`; none keeps permits in the store",
        aliases=("REDIS_URL",),
    )

    @property
    def address(self) -> str:
        """The address as it is, with its password; empty where there is none."""
        return self.url.get_secret_value() if self.url else ""

    @field_validator("url")
    @classmethod
    def _names_a_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(SCHEMES):
            raise ValueError(f"it does not begin with `{SCHEMES[0]}`")
        return url
