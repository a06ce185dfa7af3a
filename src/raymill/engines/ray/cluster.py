"""The Ray cluster that the engine uses: an isolated local one, or the address that was given.
Never a found one."""

import inspect
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from raymill.config import settings
from raymill.errors import ConfigError, EngineUnavailable, unknown
from raymill.log import get_logger

PATIENCE_S = 5.0
QUIET: Mapping[str, Any] = MappingProxyType(
    {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
)
OF_A_START = (
    *("num_cpus", "num_gpus", "resources", "labels", "_memory", "object_store_memory"),
    *("include_dashboard", "dashboard_host", "dashboard_port"),
)
"""What belongs to a cluster that is started; one that others run has its own."""

log = get_logger(room="ray")


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
    """Ray, connected: to `address`, to the one in the settings, or to a local cluster of its own
    that ends here.

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


class Connection:
    """A connection to Ray that somebody asked for, closed by the one who opened it alone."""

    def __init__(self) -> None:
        self.is_ours = False

    def open(self, address: str | None = None, preset: Mapping[str, Any] | None = None) -> None:
        """Connect this process, unless it is connected already. Raises EngineUnavailable."""
        ray = import_ray()
        if not ray.is_initialized():
            start(ray, address, preset=preset)
            self.is_ours = True

    def close(self) -> None:
        """Disconnect, and end a local cluster, if this opened it."""
        if self.is_ours and "ray" in sys.modules:
            import_ray().shutdown()
        self.is_ours = False


_PROCESS = Connection()


def initialize_ray(config: Mapping[str, Any] | bool | None = None) -> bool:
    """Connect this process to Ray, once; gives True when it is connected.

    config: a preset such as `{"num_cpus": 4, "namespace": "dev"}`, as `ray.init` takes it. True
    means that the host owns Ray: nothing is started, and `shutdown_ray` leaves it alone.
    Raises EngineUnavailable, ConfigError.
    """
    if config is not True:
        _PROCESS.open(preset=config or None)
    return True


def shutdown_ray(config: bool | None = None) -> None:
    """Disconnect from Ray if `initialize_ray` connected; a host's own Ray (True) goes on."""
    if config is not True:
        _PROCESS.close()


def dismiss(actors: Iterable[Any]) -> None:
    """Let actors go."""
    for actor in actors:
        import_ray().kill(actor)


def start(
    ray: Any,
    address: str | None = None,
    num_cpus: int | None = None,
    preset: Mapping[str, Any] | None = None,
) -> None:
    """Connect, or start an isolated local cluster. Raises EngineUnavailable, ConfigError.

    preset: options of `ray.init`, before those of the settings. What belongs to the start of a
    cluster is left out where one is connected to.
    """
    where, options = _asked(ray, address, num_cpus, dict(preset or {}))
    try:
        _knock(where)
        ray.init(address=where, **options)
        _show_what_workers_say(bool(options["log_to_driver"]))
    except Exception as error:  # Ray raises many kinds, bare ones among them
        raise _unreachable(where, error) from error


def _asked(
    ray: Any, address: str | None, num_cpus: int | None, preset: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Where to connect to, and with which options of `ray.init`."""
    wanted, preferred = settings().ray, preset.pop("address", None)
    where = address or preferred or wanted.address or "local"
    if "memory" in preset:  # what older programs call it
        preset["_memory"] = preset.pop("memory")
    _check_preset(ray, where, preset)
    given = {name: value for name, value in preset.items() if value is not None}
    if num_cpus is not None:
        given["num_cpus"] = num_cpus
    options = {**QUIET, "include_dashboard": False, **wanted.as_preset(), **given}
    if where == "local":
        return where, options
    if left_out := [name for name in OF_A_START if name in given]:
        log.info("ray.connects", address=where, left_out=left_out)
    return where, {name: value for name, value in options.items() if name not in OF_A_START}


def _unreachable(where: str, error: Exception) -> EngineUnavailable:
    said = (str(error).splitlines() or [type(error).__name__])[0]
    if where == "local":
        return EngineUnavailable(
            f"Failed to initialize Ray on this machine: {said}",
            hint="check free memory, free space in /tmp and /dev/shm, and ports that are taken, "
            "as by RAY_DASHBOARD_PORT; RAY_LOGGING_LEVEL=DEBUG tells more",
        )
    return EngineUnavailable(
        f"Ray cluster `{where}` cannot be reached: {said}",
        hint="check the address, and that the token of the cluster is on this machine",
    )


def _show_what_workers_say(shown: bool) -> None:
    """Ray prints notices of lost workers to standard output, where records may go, whatever
    `log_to_driver` says; this is the switch that its debugger uses."""
    from ray._private import worker

    if hasattr(worker, "_worker_logs_enabled"):
        worker._worker_logs_enabled = shown


def _knock(where: str) -> None:
    """Try the address: Ray itself asks for minutes before it gives up. Raises OSError."""
    host, _, port = where.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE_S).close()


def _check_preset(ray: Any, where: str, given: Mapping[str, Any]) -> None:
    if where == "auto":
        raise ConfigError(
            "Address `auto` joins whatever cluster is found", hint="name the address of the cluster"
        )
    known = {*inspect.signature(ray.init).parameters, "_memory"} - {"kwargs"}
    for name in given:
        if name not in known:
            raise unknown("setting of Ray", name, known)
