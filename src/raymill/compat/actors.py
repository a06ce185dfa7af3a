"""Actors that coordinate: made where the caller is, with the caller's settings, or told why not."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from raymill.config import settings
from raymill.config.paths import HOME, home
from raymill.config.process import given_on, take
from raymill.engines.ray.cluster import import_ray, initialize_ray
from raymill.errors import EngineUnavailable, RaymillError
from raymill.orchestrator.pools import LOCAL

RAY = "ray"
ADDRESS = "RAYMILL_RAY_ADDRESS"
LASTS: Mapping[str, Any] = {"max_restarts": -1, "max_task_retries": -1}
"""State is in the store: an actor that died begins anew, and its calls are asked once more."""


class Place(NamedTuple):
    """Where the caller is: its folder and its settings."""

    folder: str
    settings: Mapping[str, str]

    def move_in(self) -> None:
        """Work from there, with these settings."""
        if Path(self.folder).is_dir():
            os.chdir(self.folder)
        take(self.settings)


def here(engine: str = LOCAL) -> Place:
    """Where this process is; steps that run on Ray get the cluster that it is connected to."""
    given = given_on() | {HOME: str(home().absolute())}
    if engine == RAY:
        address = settings().ray.address or connect().get_runtime_context().gcs_address
        given[ADDRESS] = str(address)
    return Place(os.getcwd(), given)


def engine_here() -> str:
    """Whose workers run steps unless told: those of a cluster that outlives this program, where
    the settings name one."""
    return LOCAL if settings().ray.address is None else RAY


def connect() -> Any:
    """Ray, connected."""
    initialize_ray()
    return import_ray()


def make(what: str, kind: type, *given: Any, **options: Any) -> Any:
    """Make an actor on the node of the caller, and wait for its first answer.

    Raises what its beginning raised, and EngineUnavailable where it cannot be made.
    """
    ray = connect()
    chosen = {"num_cpus": 0, **_on_this_node(ray), **options}
    actor = ray.remote(**chosen)(kind).remote(*given)
    patience = settings().ray.answer_s
    try:
        ray.get(actor.answers.remote(), timeout=patience)
    except ray.exceptions.RayError as error:
        ray.kill(actor)
        if isinstance(error, ray.exceptions.GetTimeoutError):
            raise _failed(what, f"no answer in {patience:g} s") from error
        cause = getattr(error, "cause", None)
        if isinstance(cause, RaymillError):
            raise cause from error
        raise _failed(what, str(error).strip().splitlines()[-1]) from error
    return actor


def _on_this_node(ray: Any) -> dict[str, Any]:
    """The store is in files of this machine; from elsewhere another one would be opened."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    node = ray.get_runtime_context().get_node_id()
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node_id=node, soft=False)}


def _failed(what: str, reason: str) -> EngineUnavailable:
    return EngineUnavailable(
        f"Failed to create {what}: {reason}",
        hint="free CPUs and memory of this node (`ray status` shows them), or wait longer: "
        "RAYMILL_RAY_ANSWER_S",
    )
