"""A server that is named by its address."""

from typing import ClassVar

from pydantic import SecretStr, field_validator

from raymill.config.section import Section, setting


class ServerSettings(Section):
    """Settings of a server, of which one may be there."""

    schemes: ClassVar[tuple[str, ...]]

    url: SecretStr | None = setting(None, "Address of the server")

    @property
    def address(self) -> str:
        """The address as it is, with its password; empty where there is none."""
        return self.url.get_secret_value() if self.url else ""

    @field_validator("url")
    @classmethod
    def _names_a_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(cls.schemes):
            raise ValueError(f"it does not begin with `{cls.schemes[0]}`")
        return url
