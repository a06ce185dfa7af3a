"""The Ray engine, and the classes that users of RIoTBench on Ray know.

Each is loaded when it is used; none of them loads Ray before it runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raymill.engines.ray.actor import RayTaskActor, create_ray_actor, create_ray_actors
    from raymill.engines.ray.cluster import initialize_ray, shutdown_ray
    from raymill.engines.ray.engine import RayEngine
    from raymill.engines.ray.runner import RayRunner

__all__ = [
    "RayEngine",
    "RayRunner",
    "RayTaskActor",
    "StandaloneRunner",
    "create_ray_actor",
    "create_ray_actors",
    "initialize_ray",
    "shutdown_ray",
]

_PLACES = {
    "RayEngine": "raymill.engines.ray.engine",
    "RayRunner": "raymill.engines.ray.runner",
    "RayTaskActor": "raymill.engines.ray.actor",
    "StandaloneRunner": "raymill.engines.standalone",
    "create_ray_actor": "raymill.engines.ray.actor",
    "create_ray_actors": "raymill.engines.ray.actor",
    "initialize_ray": "raymill.engines.ray.cluster",
    "shutdown_ray": "raymill.engines.ray.cluster",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module `{__name__}` has no `{name}`")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
