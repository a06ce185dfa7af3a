"""Which server keeps what several machines share; without one it lies in files."""

from typing import ClassVar

from pydantic import SecretStr

from raymill.config.section import setting
from raymill.config.server import ServerSettings

DATABASE = "RAYMILL_DATABASE_URL"


class DatabaseSettings(ServerSettings):
    """Settings of the PostgreSQL server that keeps runs in place of the files in `paths.home`."""

    section: ClassVar[str] = "database"
    schemes: ClassVar[tuple[str, ...]] = ("postgresql://", "postgres://")

    url: SecretStr | None = setting(
        None, "Address, as in `postgresql://user:password@host:5432/database`; none uses files"
    )
