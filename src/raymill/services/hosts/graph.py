"""The application on Ray Serve as a configuration file, which `serve deploy` and KubeRay take."""

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from raymill.config.section import load
from raymill.config.serve import ServeSettings
from raymill.config.service import ServiceSettings
from raymill.config.services import RouterSettings
from raymill.services.hosts.shape import (
    APPLICATION,
    APPLICATION_AT,
    AROUND,
    LOGGING,
    SPEED,
    apart,
    router_options,
    service_options,
)
from raymill.services.service import Service

ABOUT = """\
# The application of raymill on Ray Serve, as `raymill serve --write FILE` writes it from the
# settings of the moment; `raymill serve --check FILE` says what is wrong with a changed one.
#
# On a cluster that runs:      serve deploy FILE
# On Kubernetes with KubeRay:  the text below is the `serveConfigV2` of a RayService
#
# Services in `args.apart` have replicas of their own; the others answer inside of the router.
# Settings are the variables of the environment on the nodes (see docs/reference/settings.md).
# The nodes must have these from their start, or all is five times slower, and what Ray itself says
# is plain text:
"""


def graph(
    found: Mapping[str, type[Service]],
    chosen: ServeSettings,
    workers: int | None = None,
    read: Callable[[type[ServiceSettings]], ServiceSettings] = load,
) -> dict[str, Any]:
    """The configuration of the application with these services, as Ray Serve takes it."""
    settings = {name: read(kind.Settings) for name, kind in found.items()}
    scaled = apart(found, settings, chosen)
    deployments = [router_options(read(RouterSettings), workers)]
    for name, one in settings.items():
        deployments.append(service_options(name, one, is_apart=name in scaled))
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": chosen.host, "port": chosen.port},
        "logging_config": dict(LOGGING),
        "applications": [
            {
                "name": APPLICATION,
                "route_prefix": "/",
                "import_path": APPLICATION_AT,
                "args": {"apart": scaled},
                "deployments": deployments,
            }
        ],
    }


def text_of(document: Mapping[str, Any]) -> str:
    """A configuration as the text of a file."""
    speed = "".join(f"#   {name}={value}\n" for name, value in {**SPEED, **AROUND}.items())
    return ABOUT + speed + yaml.safe_dump(document, sort_keys=False, width=100)
