"""The Ray cluster that the engine uses: an isolated local one, or the address that was given. Never a found one."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from raymill.config import settings
from raymill.errors import EngineUnavailable


def import_ray() -> Any:
    """Load Ray. Raises EngineUnavailable with what to install."""
    # Ray's own retries and log noise are off for our actors; uvloop's loop is not wanted in them.
    os.environ.setdefault("RAY_USE_UVLOOP", "0")
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    if "ray" not in sys.modules:  # Ray reads it when it is loaded, and then only
        os.environ["RAY_AUTH_MODE"] = settings().ray.auth_mode
    try:
        import ray
    except ImportError as error:
        raise EngineUnavailable(
            "Engine `ray` is not installed", hint="pip install 'raymill[ray]'"
        ) from error
    return ray


@contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Ray, connected: to `address`, to the one in the settings, or to a local cluster of its own that ends here.

    A connection that this process already has is used and left open: only the owner shuts down.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    start(ray, address)
    try:
        yield ray
    finally:
        ray.shutdown()


def start(ray: Any, address: str | None = None, num_cpus: int | None = None) -> None:
    """Connect, or start an isolated local cluster. Raises EngineUnavailable."""
    wanted = settings().ray
    where = address or wanted.address
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": "ERROR",
        "configure_logging": True,
    }
    try:
        if where:
            ray.init(address=where, **quiet)
        else:
            cpus = num_cpus or wanted.num_cpus
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise EngineUnavailable(
            f"Ray cluster `{where or 'local'}` cannot be reached: {str(error).splitlines()[0]}",
            hint="check the address, and that the token of the cluster is on this machine",
        ) from error
