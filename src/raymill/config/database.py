"""Which server keeps what several machines share; without one it lies in files."""

from typing import ClassVar

from pydantic import SecretStr, field_validator

from raymill.config.section import Section, setting

DATABASE = "RAYMILL_DATABASE_URL"
SCHEMES = ("postgresql://", "postgres://")


class DatabaseSettings(Section):
    """Settings of the PostgreSQL server that keeps runs in place of the files in `paths.home`."""

    section: ClassVar[str] = "database"

    url: SecretStr | None = setting(
        None, "Address, as in `postgresql://user:password@host:5432/database`; none uses files"
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
