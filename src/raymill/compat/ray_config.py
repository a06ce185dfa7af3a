"""How the older system was connected to Ray: presets, and what there is of a cluster."""

from typing import Any

from raymill.config import settings
from raymill.engines.ray.cluster import import_ray, initialize_ray, shutdown_ray

__all__ = [
    "DEVELOPMENT_CONFIG",
    "PRODUCTION_CONFIG",
    "get_cluster_info",
    "get_ray_config",
    "initialize_ray",
    "shutdown_ray",
]

NAMESPACE = "ticker-processing"

DEVELOPMENT_CONFIG: dict[str, Any] = {
    "num_cpus": 4,
    "namespace": f"{NAMESPACE}-dev",
    "logging_level": "INFO",
    "log_to_driver": True,
    "include_dashboard": True,
}
"""For a developer's machine. What it leaves out comes from the settings, as in `RAY_ADDRESS`."""

PRODUCTION_CONFIG: dict[str, Any] = {
    "namespace": f"{NAMESPACE}-prod",
    "logging_level": "WARNING",
    "log_to_driver": False,
    "include_dashboard": True,
}
"""For a service: all CPUs unless `RAY_NUM_CPUS` says how many."""


def get_ray_config() -> dict[str, Any]:
    """What the settings and `RAY_*` variables ask for, as `initialize_ray` takes it.

    What is unset is left out, and so left to Ray; only the namespace has a name of its own.
    """
    wanted = settings().ray
    address = {} if wanted.address is None else {"address": wanted.address}
    return {"namespace": NAMESPACE, **address, **wanted.as_preset()}


def get_cluster_info() -> dict[str, Any]:
    """Resources, nodes and names of the cluster that this process is connected to.

    `{"error": ...}` where it is connected to none, or the cluster does not answer.
    """
    ray = import_ray()
    if not ray.is_initialized():
        return {"error": "Ray is not initialized in this process: call initialize_ray()"}
    try:
        here = ray.get_runtime_context()
        return {
            "cluster_resources": ray.cluster_resources(),
            "available_resources": ray.available_resources(),
            "nodes": ray.nodes(),
            "namespace": here.namespace,
            "node_id": here.get_node_id(),
        }
    except ray.exceptions.RayError as error:
        return {"error": f"The cluster does not answer: {error}"}
