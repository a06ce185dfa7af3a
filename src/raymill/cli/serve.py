"""`raymill serve`: the HTTP API on this machine."""

import sys
from typing import Annotated

from cyclopts import Parameter


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> None:
    """Serve everything as one HTTP API, until it is interrupted.

    Parameters
    ----------
    host
        The address to listen on; 127.0.0.1 by default, which other machines do not reach.
    port
        The port to listen on; 8000 by default, 0 takes a free one.
    verbose
        Show where an error was raised.
    """
    from raymill.config import settings
    from raymill.services.hosts.local import serve as serve_here

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    chosen = settings().serve.model_copy(update=given)

    def tell(address: str) -> None:
        sys.stderr.write(f"raymill serves {address}, {address}/docs shows its routes\n")
        sys.stderr.flush()

    serve_here(chosen, tell)
