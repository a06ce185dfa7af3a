"""`raymill serve`: the HTTP API on this machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    demo: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> None:
    """Serve everything as one HTTP API, until it is interrupted.

    Parameters
    ----------
    host
        The address to listen on; 127.0.0.1 by default, which other machines do not reach.
    port
        The port to listen on; 8000 by default, 0 takes a free one.
    demo
        Ask vendors on this machine in place of the real ones: they speak the same protocols, and
        what they tell is simulated. It is kept apart, in `RAYMILL_HOME`/demo, and answers say so.
    verbose
        Show where an error was raised.
    """
    from raymill.config import settings
    from raymill.services.hosts.local import serve as serve_here

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    with _vendors(demo):
        serve_here(settings().serve.model_copy(update=given), _tell)


@contextmanager
def _vendors(is_demo: bool) -> Iterator[None]:
    if not is_demo:
        yield
        return
    from raymill.services.demo.vendors import demo

    sys.stderr.write("storing simulated prices of two years\n")
    with demo():
        yield


def _tell(address: str) -> None:
    sys.stderr.write(f"raymill serves {address}, {address}/docs shows its routes\n")
    sys.stderr.flush()
