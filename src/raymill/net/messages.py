"""What is asked, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from raymill.net.verdict import Kind

MB = 1 << 20
HEAD_BYTES = 8192  # of a body, enough to tell an error page from data


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a server.

    most_bytes: the largest body that is taken, unpacked.
    most_s: the longest that one try may take, its body included.
    secrets: parts of the address that are shown nowhere, as a key.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    content: bytes | None = None
    most_bytes: int = 256 * MB
    most_s: float = 300.0
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """The address as it stands in messages and logs.

        >>> Request("https://a.example/q?key=s3cret", secrets=("s3cret",)).shown
        'https://a.example/q?key=****'
        """
        text = self.url
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "****")
        return text

    @property
    def host(self) -> str:
        """The server's name, as it stands in messages."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer is judged by: its status, its headers (names in small letters), the first
    bytes of its body, unpacked, and what was asked for."""

    status: int
    headers: Mapping[str, str]
    start: bytes = b""
    url: str = ""

    def header(self, name: str) -> str:
        """A header, empty where there is none."""
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: data (`ok`), nothing new (`unchanged`), or nothing there (`missing`).

    `body` is empty where it went into a file; `size` and `sha256` are those of the unpacked body.
    """

    kind: Kind
    url: str
    head: Head
    body: bytes = b""
    size: int = 0
    sha256: str = ""

    @property
    def etag(self) -> str:
        """The name that the server gives to this state of the body, empty without one."""
        return self.head.header("etag")

    @property
    def last_modified(self) -> str:
        """When the server says that the body changed last, empty where it does not."""
        return self.head.header("last-modified")
