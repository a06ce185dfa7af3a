"""How filings are fetched from the SEC: who asks, where, how often, and where bodies are kept."""

import re
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from raymill.config.paths import home
from raymill.config.section import Section, setting
from raymill.errors import ConfigError

_IDENTITY = re.compile(r"[!-~][ -~]* <?[!-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+>?")
IDENTITY_HINT = "export RAYMILL_FILINGS_IDENTITY='Jane Doe jane@doe.example'"


class FilingSettings(Section):
    """Settings of `raymill filings`."""

    section: ClassVar[str] = "filings"

    identity: SecretStr | None = setting(
        None, "Your name and e-mail address, which the SEC asks of everybody who fetches from it"
    )
    www_url: str = setting("https://www.sec.gov", "Where documents and indexes are fetched from")
    data_url: str = setting("https://data.sec.gov", "Where the lists and facts of companies are")
    rate: float = setting(
        8.0, "Requests of the whole cluster; the SEC allows 10", unit="1/s", gt=0, le=10
    )
    block_minutes: float = setting(
        10.0, "Time for which all are silent after the SEC has blocked one", unit="min", gt=0
    )
    archive: Path | None = setting(
        None, "Folder of what was fetched; none takes `filings` in the home of raymill"
    )
    connect_s: float = setting(10.0, "Longest wait for a connection", unit="s", gt=0)
    read_s: float = setting(30.0, "Longest wait for the next bytes of an answer", unit="s", gt=0)
    tries: int = setting(6, "Tries of one request", unit="tries", ge=1)
    deadline_s: float = setting(
        900.0, "Longest time of one request, all its tries and waits together", unit="s", gt=0
    )

    @field_validator("identity")
    @classmethod
    def _is_name_and_mail(cls, identity: SecretStr | None) -> SecretStr | None:
        text = identity.get_secret_value().strip() if identity else ""
        if text and not _IDENTITY.fullmatch(text):
            raise ValueError(
                "give a name and an e-mail address in ASCII, as in `Jane Doe jane@doe.example`"
            )
        return SecretStr(text) if text else None

    @field_validator("www_url", "data_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError("give an address such as `https://www.sec.gov`")
        return url.rstrip("/")

    def who(self) -> str:
        """The identity. Raises ConfigError where there is none."""
        if self.identity is None:
            raise ConfigError(
                "The SEC asks for a name and an e-mail address of everybody who fetches from it, "
                "and there is none",
                hint=IDENTITY_HINT,
            )
        return self.identity.get_secret_value()

    def folder(self) -> Path:
        """The folder of what was fetched."""
        return (self.archive or home() / "filings").expanduser()
