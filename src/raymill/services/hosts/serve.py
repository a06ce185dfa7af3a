"""The API on Ray Serve: one application of a router and of services that may scale apart."""

import asyncio
import hashlib
import logging
import random
import re
import shutil
import signal
import tempfile
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from raymill import __version__
from raymill.app.keys import stored_keys
from raymill.config import process, settings
from raymill.config.section import load
from raymill.config.serve import ServeSettings
from raymill.config.services import RouterSettings
from raymill.engines.ray.cluster import connected, import_ray
from raymill.errors import ConfigError, EngineUnavailable, RaymillError, TooBusy, unknown
from raymill.log import get_logger
from raymill.services.access import check_start
from raymill.services.hosts.listen import listen
from raymill.services.hosts.replicas import RouterReplica, ServiceReplica, reference_of
from raymill.services.hosts.shape import (
    APPLICATION,
    AROUND,
    LOGGING,
    SPEED,
    Options,
    apart,
    router_options,
    service_options,
)
from raymill.services.service import Service, kinds

HERE = "127.0.0.1"
PORTS = range(20_000, 30_000)
TRIES = 50
LOOK_S = 0.05
SEE_S = 1.0
DRAIN_S = 3  # how long a replica that goes still answers, until all proxies have heard of it
ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""No cluster of several machines: on Linux as well, Ray then listens on loopback only."""

log = get_logger()


def import_serve() -> Any:
    """Load Ray Serve. Raises EngineUnavailable with what to install."""
    import_ray()
    with warnings.catch_warnings():  # of its own use of pydantic
        warnings.simplefilter("ignore")
        from ray import serve
    return serve


def application(
    found: Mapping[str, type[Service]],
    given: Mapping[str, str],
    workers: int | None = None,
    scaled: Sequence[str] | None = None,
    above: Mapping[str, str] | None = None,
) -> Any:
    """The graph of deployments: the router, and each service. Raises ConfigError.

    above: settings that replicas take without a restart, where all else is as it was.
    """
    chosen = {name: load(kind.Settings) for name, kind in found.items()}
    called = apart(found, chosen, settings().serve) if scaled is None else scaled
    references = {name: reference_of(kind) for name, kind in found.items()}
    version, user_config = _again((references, given, called), above)
    bound = {}
    for name in found:
        options = service_options(name, chosen[name], is_apart=name in called)
        bound[name] = _deployment(ServiceReplica, options, version, user_config).bind(
            references[name], given
        )
    router = _deployment(
        import_serve().ingress()(RouterReplica),
        router_options(load(RouterSettings), workers),
        version,
        user_config,
    )
    idle = [one for name, one in bound.items() if name not in called]
    return router.bind(
        references, given, {name: bound[name] for name in called}, idle, meaning, cluster
    )


def _again(made_of: Any, above: Mapping[str, str] | None) -> tuple[str | None, Options]:
    """By which version replicas that are there are known to be right, and what they take then."""
    if above is None:
        return None, {}
    version = hashlib.sha256(repr((__version__, made_of)).encode()).hexdigest()[:16]
    return version, {"user_config": {"settings": dict(above)}}


def _deployment(kind: type, options: Options, version: str | None, above: Options) -> Any:
    check_options(options)
    made = import_serve().deployment(kind, **options, **above)
    # what has the same version takes another `user_config` without a restart; Ray Serve has no
    # other way to say that nothing else is new
    return made if version is None else made.options(version=version, _internal=True)


def app(args: Mapping[str, Any]) -> Any:
    """The application that a configuration file of Ray Serve names as its `import_path`."""
    if wrong := sorted(set(args) - {"apart", "workers"}):
        raise unknown("argument of the application", wrong[0], ["apart", "workers"])
    found, named = kinds(), args.get("apart")
    for name in named or ():
        if name not in found:
            raise unknown("service in `apart`:", name, found)
    return application(found, process.given_on(), args.get("workers"), named)


def check_options(options: Options) -> None:
    """Refuse what Ray Serve would leave aside in silence. Raises UnknownName."""
    import_serve()
    from ray.serve.config import AutoscalingConfig, BackpressureConfig
    from ray.serve.schema import DeploymentSchema, RayActorOptionsSchema

    inner = {
        "autoscaling_config": AutoscalingConfig,
        "backpressure_config": BackpressureConfig,
        "ray_actor_options": RayActorOptionsSchema,
    }
    where = f"key of deployment `{options.get('name')}`:"
    _check_names(where, options, DeploymentSchema)
    for name, kind in inner.items():
        _check_names(where, options.get(name) or {}, kind)


def check_graph(document: Any) -> None:
    """Check a whole configuration file. Raises UnknownName, ConfigError, EngineUnavailable."""
    import_serve()
    from ray.serve.schema import HTTPOptionsSchema, ServeApplicationSchema, ServeDeploySchema

    if not isinstance(document, dict):
        raise ConfigError("The configuration of Ray Serve is no mapping")
    _check_names("key of the configuration:", document, ServeDeploySchema)
    _check_names("key of `http_options`:", document.get("http_options") or {}, HTTPOptionsSchema)
    for one in document.get("applications") or ():
        _check_names("key of an application:", one, ServeApplicationSchema)
        for options in one.get("deployments") or ():
            check_options(options)
    try:
        ServeDeploySchema.model_validate(document)
    except ValueError as error:
        raise ConfigError(f"The configuration of Ray Serve does not fit: {error}") from error


def _check_names(where: str, given: Any, kind: Any) -> None:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where.rstrip(':').capitalize()} is `{given}` and no mapping")
    for name in given:
        if name not in kind.model_fields:
            raise unknown(where, name, kind.model_fields)


def meaning(service: str, error: Exception) -> RaymillError | None:
    """What an error of Ray means for a service; None if it is none of Ray's own."""
    import ray.exceptions as lost
    from ray.serve import exceptions as refused

    if isinstance(error, refused.BackPressureError):
        return TooBusy(f"Service `{service}` has too much to do", retry_after_s=1)
    if isinstance(error, lost.RayTaskError) or not isinstance(
        error, lost.RayError | refused.RayServeException
    ):
        return None
    return EngineUnavailable(f"Service `{service}` cannot be reached now")


async def cluster() -> str:
    """How the cluster is, asked of its head. Raises EngineUnavailable."""
    nodes = await asyncio.to_thread(import_ray().nodes)
    if not any(node["Alive"] for node in nodes):
        raise EngineUnavailable("No node of the cluster is alive")
    return "connected"


def given_on(chosen: ServeSettings) -> dict[str, str]:
    """The settings of this process for replicas, those that were chosen for this start first."""
    before = settings().serve
    changed = {
        ServeSettings.variable(name): str(getattr(chosen, name))
        for name in ServeSettings.model_fields
        if getattr(chosen, name) != getattr(before, name)
    }
    return process.given_on() | changed


@contextmanager
def prepared() -> Iterator[None]:
    """Ask Ray Serve for its quick ways, before a cluster is started: they are the environment's.

    Its proxy has a folder and ports of its own, so that two clusters do not meet.
    """
    folder = Path(tempfile.mkdtemp(prefix="raymill-serve-"))
    process.default(environment(folder) | ({} if settings().ray.address else ALONE))
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path) -> dict[str, str]:
    """What the environment of a cluster says of Ray Serve."""
    proxy = "RAY_SERVE_HAPROXY"
    ports = (f"{proxy}_METRICS_PORT", f"{proxy}_STATS_PORT", "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT")
    return {
        **SPEED,
        **AROUND,
        "RAY_USE_UVLOOP": str(int(_has_sound_uvloop())),
        "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",  # 10 would be longer than
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",  # a delay that is asked for
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "30",  # a busy machine takes longer than 5
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",  # a proxy that died is back within seconds
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(DRAIN_S),
        f"{proxy}_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        f"{proxy}_SOCKET_PATH": str(folder / "admin.sock"),
        f"{proxy}_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        f"{proxy}_SERVER_STATE_BASE": str(folder),
        f"{proxy}_SERVER_STATE_FILE": str(folder / "server-state"),
        f"{proxy}_NBTHREAD": "1",
        **{name: str(free_port()) for name in ports},
    }


def _has_sound_uvloop() -> bool:
    """Whether uvloop is there, and none of those that can answer the wrong request."""
    try:
        major, minor = metadata.version("uvloop").split(".")[:2]
    except metadata.PackageNotFoundError:
        return False
    return (int(major), int(minor)) >= (0, 23)


def free_port(host: str = HERE, port: int = 0) -> int:
    """A port that nobody listens on. Raises ConfigError where the one given is taken.

    It is none of those that the system gives to connections: another process opens it later.
    """
    if port:
        listen(host, port).close()
        return port
    for one in random.sample(PORTS, TRIES):
        with suppress(ConfigError):
            return free_port(host, one)
    raise ConfigError(f"None of {TRIES} ports of {host} was free")


@contextmanager
def running(
    chosen: ServeSettings,
    workers: int | None = None,
    found: Mapping[str, type[Service]] | None = None,
) -> Iterator[str]:
    """The application, healthy, on the cluster in use; gives its address. Raises RaymillError."""
    port = free_port(chosen.host, chosen.port)
    graph = application(kinds() if found is None else found, given_on(chosen), workers)
    if import_serve().status().proxies:
        raise ConfigError(
            "Ray Serve runs on this cluster already, with a port of its own",
            hint="add the application to its file: raymill serve --write FILE",
        )
    open_door(chosen.host, port)
    try:
        address = f"http://{f'[{chosen.host}]' if ':' in chosen.host else chosen.host}:{port}"
        deploy(graph, address, chosen.start_s)
        yield address
    finally:
        _leave()


def _leave() -> None:
    """End the application, and Ray Serve where it serves nothing else."""
    serve = import_serve()
    if set(serve.status().applications) - {APPLICATION}:
        serve.delete(APPLICATION)
    else:
        serve.shutdown()


def open_door(host: str, port: int) -> None:
    """Start what listens on each node of the cluster in use."""
    import ray.exceptions as lost

    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    try:
        import_serve().start(
            proxy_location="EveryNode",
            http_options={"host": host, "port": port},
            logging_config=dict(LOGGING),
        )
    except lost.RayActorError as error:  # Ray Serve starts another; whether it answers is seen
        log.warning("serve.proxy_lost", reason=str(error).partition("\n")[0])
    except lost.RayTaskError as error:
        reason = str(error).strip().splitlines()[-1]
        raise EngineUnavailable(f"The proxy of Ray Serve does not start: {reason}") from error


def deploy(graph: Any, address: str, limit_s: float) -> None:
    """Deploy, or change what is deployed, and wait until it is healthy. Raises EngineUnavailable"""
    serve = import_serve()
    deadline = time.monotonic() + limit_s
    target = serve.RunTarget(graph, APPLICATION, "/")
    serve.run_many([target], wait_for_applications_running=False)
    look_s = 0.0  # Ray Serve takes a while to say how it is, and the processor from who starts
    while not (_is_healthy(f"{address}/health") and _is_running()):
        if time.monotonic() > look_s:
            _is_running()  # or it cannot be, which nobody waits for
            look_s = time.monotonic() + SEE_S
        if time.monotonic() > deadline:
            raise EngineUnavailable(
                f"Ray Serve is not healthy after {limit_s:g} s",
                hint="a setting `serve.start_s` that is longer waits longer; "
                "logs lie in /tmp/ray/session_latest/logs/serve",
            )
        time.sleep(LOOK_S)


def _is_running() -> bool:
    found = import_serve().status().applications.get(APPLICATION)
    if found is None:
        return False
    if found.status in ("DEPLOY_FAILED", "UNHEALTHY"):
        raise EngineUnavailable(f"Ray Serve cannot start the API: {_reason(found)}")
    return bool(found.status == "RUNNING")


def _reason(found: Any) -> str:
    """The error behind a deployment that failed, from what Ray Serve says of it."""
    said = [found.message, *(one.message for one in found.deployments.values())]
    lines = [line for text in said for line in str(text).splitlines()]
    return next(
        (line for line in reversed(lines) if re.match(r"[\w.]+(Error|Name)\b", line)), said[0]
    )


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def serve(chosen: ServeSettings, tell: Callable[[str], None], workers: int | None = None) -> None:
    """Serve on Ray until interrupted; ends a cluster of its own. Raises RaymillError."""
    check_start(chosen, lambda: bool(stored_keys().in_force()))
    if chosen.tls_cert:
        raise ConfigError(
            "Ray Serve's proxy speaks no TLS",
            hint="put a proxy that does in front: deploy/README.md",
        )
    over = threading.Event()
    with prepared(), connected(), running(chosen, workers) as address:
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, lambda *_: over.set())
        tell(address)
        over.wait()
