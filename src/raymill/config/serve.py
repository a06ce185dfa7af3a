"""How the HTTP API is served: where, how much of it at a time, who may ask."""

from typing import ClassVar

from raymill.config.section import Section, setting


class ServeSettings(Section):
    """Settings of `raymill serve`."""

    section: ClassVar[str] = "serve"

    host: str = setting("127.0.0.1", "Address that it listens on", aliases=("SERVE_HOST",))
    port: int = setting(
        8000, "Port that it listens on; 0 takes a free one", ge=0, le=65535, aliases=("SERVE_PORT",)
    )
    max_body_bytes: int = setting(
        1_048_576, "Largest body of a request", unit="bytes", ge=1024, le=1_073_741_824
    )
    max_depth: int = setting(
        32, "How deep lists and objects in a body may lie in one another", unit="levels", ge=4
    )
    read_s: float = setting(10.0, "Longest time for reading a request", unit="s", gt=0)
    health_s: float = setting(2.0, "Longest wait for a service that is asked how it is", unit="s")
    glance_s: float = setting(0.25, "How old the counts in a status may be", unit="s", ge=0, le=60)
    max_wait_s: float = setting(
        60.0, "Longest time that `?wait=` holds a request", unit="s", gt=0, le=3600
    )
    docs: bool = setting(True, "Whether `/docs` and `/openapi.json` are served")
    demo: bool = setting(
        False, "Whether every answer says that what it shows is simulated; `--demo` sets it"
    )
    cors_origins: str = setting(
        "",
        "Origins that browsers may ask from, with commas; none by default",
        aliases=("CORS_ORIGINS",),
    )
