"""How the HTTP API is served: where, how much of it at a time, who may ask."""

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from raymill.config.section import Section, setting


class ServeSettings(Section):
    """Settings of `raymill serve`."""

    section: ClassVar[str] = "serve"

    host: str = setting("127.0.0.1", "Address that it listens on", aliases=("SERVE_HOST",))
    port: int = setting(
        8000, "Port that it listens on; 0 takes a free one", ge=0, le=65535, aliases=("SERVE_PORT",)
    )
    url: str = setting(
        "", "Where clients find it, as in `https://api.example.org`; host and port by default"
    )
    max_body_bytes: int = setting(
        1_048_576, "Largest body of a request", unit="bytes", ge=1024, le=1_073_741_824
    )
    max_depth: int = setting(
        32, "How deep lists and objects in a body may lie in one another", unit="levels", ge=4
    )
    read_s: float = setting(
        10.0, "Longest time for the headers of a request, and for its body", unit="s", gt=0
    )
    write_s: float = setting(
        60.0, "Longest time that a client may leave an answer untaken", unit="s", gt=0
    )
    health_s: float = setting(2.0, "Longest wait for a service that is asked how it is", unit="s")
    store_s: float = setting(
        5.0, "Longest wait of an answer for a store that is away or held up", unit="s", gt=0
    )
    glance_s: float = setting(0.25, "How old the counts in a status may be", unit="s", ge=0, le=60)
    max_wait_s: float = setting(
        60.0, "Longest time that `?wait=` holds a request", unit="s", gt=0, le=3600
    )
    apart: str = setting(
        "",
        "Services that have replicas of their own on Ray Serve, with commas, or `all`; others "
        "answer inside of the router unless a setting of their scaling is changed",
    )
    start_s: float = setting(
        120.0, "Longest wait on Ray Serve until everything is healthy", unit="s", gt=0
    )
    docs: bool = setting(True, "Whether `/docs` and `/openapi.json` are served")
    demo: bool = setting(
        False, "Whether every answer says that what it shows is simulated; `--demo` sets it"
    )
    cors_origins: str = setting(
        "",
        "Origins whose pages may ask, as in `https://a.example`, with commas; none by default",
        aliases=("CORS_ORIGINS",),
    )
    auth: Literal["auto", "on", "off"] = setting(
        "auto", "Whether a key is needed; `auto` needs one where other machines reach the host"
    )
    key_rate: float = setting(
        1000.0,
        "Requests that a key may make, on average; twice as many at once; 0 is any number",
        unit="requests/s",
        ge=0,
    )
    allowed_hosts: str = setting(
        "",
        "Names of the host that requests may use, with commas; without any, those of this machine "
        "on loopback, elsewhere all",
    )
    protect_docs: bool = setting(
        True, "Whether `/docs` and `/openapi.json` need a key where one is needed"
    )
    protect_metrics: bool = setting(True, "Whether `/metrics` needs a key where one is needed")
    tls_cert: str = setting("", "File with the certificate chain; with one, it speaks HTTPS alone")
    tls_key: str = setting("", "File with the private key of the certificate")
    tls_password: SecretStr | None = setting(None, "Password of the private key")

    @property
    def address(self) -> str:
        """Where clients find it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        shown = f"[{host}]" if ":" in host else host
        return self.url or f"{'https' if self.tls_cert else 'http'}://{shown}:{self.port}"

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may ask."""
        return _listed(self.cors_origins)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of the host that requests may use."""
        return tuple(name.lower() for name in _listed(self.allowed_hosts))

    @field_validator("cors_origins")
    @classmethod
    def _names_origins(cls, text: str) -> str:
        for origin in _listed(text):
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"`{origin}` is no origin, as in `https://a.example:8443`")
        return text


class ApiSettings(Section):
    """Settings of clients of the HTTP API: `raymill.Client`, `raymill api`."""

    section: ClassVar[str] = "api"

    key: SecretStr | None = setting(None, "Key that clients show")
    timeout_s: float = setting(30.0, "Longest wait of a client for an answer", unit="s", gt=0)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
