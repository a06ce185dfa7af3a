"""The application on Ray Serve as data: which deployments there are, and how each scales."""

from collections.abc import Mapping
from typing import Any

from raymill.config.serve import ServeSettings
from raymill.config.service import ServiceSettings
from raymill.errors import ConfigError, unknown
from raymill.services.service import Service

APPLICATION = "raymill"
APPLICATION_AT = "raymill.services.hosts.serve:app"
ROUTER = "MainRouterDeployment"
ROUTER_CPUS = 0.2  # what Ray reckons with; no bound on what a replica takes
SERVICE_CPUS = 0.1
DRAIN_S = 20.0
LOOK_S = 5.0
BUSY = {"status_code": 429, "retry_after_s": 1.0}
LOGGING = {"log_level": "WARNING", "enable_access_log": False}
SPEED = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # asyncio waits until the first half of an answer is acknowledged, 40 ms; uvloop does not
    "RAY_USE_UVLOOP": "1",
    # HAProxy tells its manager of each request, who counts them; so does the API, at /metrics
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
}
"""What the environment of a cluster says of speed, before it is started."""

AROUND = {"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "raymill.services.hosts.outer.middlewares"}
"""What it says of what lies around the API."""

SCALING = (
    *("replicas", "min_replicas", "max_replicas", "target_requests"),
    *("max_ongoing_requests", "max_queued_requests", "scale_up_delay", "scale_down_delay"),
)

Options = dict[str, Any]


def deployment_name(service: str) -> str:
    """The name of a service's deployment.

    >>> deployment_name("filings_service")
    'FilingsServiceDeployment'
    """
    return "".join(part.capitalize() for part in service.split("_")) + "Deployment"


def apart(
    kinds: Mapping[str, type[Service]],
    chosen: Mapping[str, ServiceSettings],
    settings: ServeSettings,
) -> list[str]:
    """The services that scale by themselves: those named in `serve.apart`, and those one of whose
    settings of scaling was changed. Raises UnknownName."""
    named = [part.strip() for part in settings.apart.split(",") if part.strip()]
    for name in named:
        if name not in (*kinds, "all"):
            raise unknown("service in setting `serve.apart`:", name, (*kinds, "all"))
    return [name for name in kinds if "all" in named or name in named or _is_changed(chosen[name])]


def _is_changed(settings: ServiceSettings) -> bool:
    fields = type(settings).model_fields
    return any(getattr(settings, name) != fields[name].default for name in SCALING)


def router_options(settings: ServiceSettings, workers: int | None = None) -> Options:
    """How the router is deployed; with `workers` it has as many replicas as that, always."""
    options = _options(ROUTER, settings, ROUTER_CPUS)
    if workers is not None:
        counts = ("min_replicas", "initial_replicas", "max_replicas")
        options["autoscaling_config"] |= dict.fromkeys(counts, workers)
    return options


def service_options(name: str, settings: ServiceSettings, *, is_apart: bool) -> Options:
    """How a service is deployed; one that answers inside of the router has no replica."""
    options = _options(deployment_name(name), settings, SERVICE_CPUS)
    if not is_apart:
        options["autoscaling_config"] |= {"min_replicas": 0, "initial_replicas": 0}
    return options


def _options(name: str, settings: ServiceSettings, cpus: float) -> Options:
    _check(settings)
    return {
        "name": name,
        "max_ongoing_requests": settings.max_ongoing_requests,
        "max_queued_requests": settings.max_queued_requests,
        "backpressure_config": dict(BUSY),
        "autoscaling_config": {
            "min_replicas": settings.min_replicas,
            "initial_replicas": max(settings.replicas, settings.min_replicas),
            "max_replicas": settings.max_replicas,
            "target_ongoing_requests": settings.target_requests,
            "upscale_delay_s": settings.scale_up_delay,
            "downscale_delay_s": settings.scale_down_delay,
        },
        "ray_actor_options": {"num_cpus": cpus},
        "graceful_shutdown_timeout_s": DRAIN_S,
        "max_surge_percent": 100,  # new replicas are there before old ones go
        "health_check_period_s": LOOK_S,
        "logging_config": {"enable_access_log": False},  # the API has a log of its own
    }


def _check(settings: ServiceSettings) -> None:
    name = settings.section.upper()
    if not settings.min_replicas <= settings.max_replicas >= settings.replicas:
        raise ConfigError(
            f"`{name}_MAX_REPLICAS` is {settings.max_replicas}, below `{name}_MIN_REPLICAS` "
            f"({settings.min_replicas}) or `{name}_REPLICAS` ({settings.replicas})"
        )
    if settings.target_requests > settings.max_ongoing_requests:
        raise ConfigError(
            f"`{name}_TARGET_REQUESTS` is {settings.target_requests:g}, above "
            f"`{name}_MAX_ONGOING_REQUESTS` ({settings.max_ongoing_requests}): it would never scale"
        )
