"""The IoT tasks of RIoTBench, each a module of its own name.

Registered under their names (`kalman_filter`); here also under names such as `KalmanFilterTask`:
`KalmanFilterTask(q=0.1)` is the task with its parameters.
"""

from typing import Any

from raymill.flow import registry

_SUFFIX = "Task"


def __getattr__(name: str) -> Any:
    """Find a registered task by its class-like name: `KalmanFilterTask`, `NoOpTask`."""
    if name.endswith(_SUFFIX):
        wanted = name.removesuffix(_SUFFIX).lower()
        for registered in registry.names(registry.TASKS):
            if registered.replace("_", "") == wanted:
                from raymill.flow import as_declared

                return as_declared(registered).bound
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the class-like names of all registered tasks."""
    return sorted(
        name.title().replace("_", "") + _SUFFIX for name in registry.names(registry.TASKS)
    )
