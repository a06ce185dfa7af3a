"""Which Ray cluster the engine uses, and how one of its own is started: what is unset is unset."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from raymill.config.section import Section, setting

MB = 1024 * 1024


class RaySettings(Section):
    """Settings of the engine `ray`."""

    section: ClassVar[str] = "ray"

    address: str | None = setting(
        None,
        "Address of the cluster; none starts an isolated local one",
        aliases=("RAY_ADDRESS",),
    )
    auth_mode: Literal["token", "disabled"] = setting(
        "token", "How nodes and clients prove who they are", aliases=("RAY_AUTH_MODE",)
    )
    num_cpus: int | None = setting(
        None,
        "CPUs of the local cluster; none takes those of the machine",
        unit="CPUs",
        aliases=("RAY_NUM_CPUS",),
        ge=1,
    )
    num_gpus: int | None = setting(
        None,
        "GPUs of the local cluster; none takes those of the machine",
        unit="GPUs",
        aliases=("RAY_NUM_GPUS",),
        ge=0,
    )
    memory_mb: int | None = setting(
        None,
        "Memory that actors and tasks of the local cluster may ask for",
        unit="MB",
        aliases=("RAY_MEMORY_MB",),
        ge=1,
    )
    object_store_memory_mb: int | None = setting(
        None,
        "Memory of the local cluster's object store",
        unit="MB",
        aliases=("RAY_OBJECT_STORE_MEMORY_MB",),
        ge=75,  # less is refused by Ray
    )
    namespace: str | None = setting(
        None, "Namespace of named actors; none has one to itself", aliases=("RAY_NAMESPACE",)
    )
    include_dashboard: bool | None = setting(
        None, "Whether the local cluster has a dashboard", aliases=("RAY_INCLUDE_DASHBOARD",)
    )
    dashboard_host: str | None = setting(
        None,
        "Where the dashboard listens, which asks nobody who he is; none is 127.0.0.1",
        aliases=("RAY_DASHBOARD_HOST",),
    )
    dashboard_port: int | None = setting(
        None,
        "Port of the dashboard; none takes 8265 or the next free one",
        aliases=("RAY_DASHBOARD_PORT",),
        ge=1,
        le=65535,
    )
    logging_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = setting(
        None, "Least severity of what Ray says; none is ERROR", aliases=("RAY_LOGGING_LEVEL",)
    )
    log_to_driver: bool | None = setting(
        None,
        "Whether what workers print is shown by the program that uses them",
        aliases=("RAY_LOG_TO_DRIVER",),
    )
    working_dir: Path | None = setting(
        None,
        "Folder that is copied to every worker as its current one",
        aliases=("RAY_WORKING_DIR",),
    )
    answer_s: float = setting(
        60.0, "Longest wait for the first answer of an actor that coordinates", unit="s", gt=0
    )

    @field_validator("address")
    @classmethod
    def _names_a_cluster(cls, address: str | None) -> str | None:
        if address == "auto":
            raise ValueError("`auto` joins whatever cluster is found; name its address")
        return None if address in (None, "", "local") else address

    @field_validator("logging_level", mode="before")
    @classmethod
    def _in_capitals(cls, level: Any) -> Any:
        return level.upper() if isinstance(level, str) else level

    def as_preset(self) -> Mapping[str, Any]:
        """What was set, in the words of `ray.init`; without the address."""
        named = ("num_cpus", "num_gpus", "namespace", "include_dashboard", "dashboard_host")
        found = {name: getattr(self, name) for name in (*named, "dashboard_port")}
        found |= {name: getattr(self, name) for name in ("logging_level", "log_to_driver")}
        found["_memory"] = _bytes(self.memory_mb)
        found["object_store_memory"] = _bytes(self.object_store_memory_mb)
        if self.working_dir is not None:
            found["runtime_env"] = {"working_dir": str(self.working_dir.absolute())}
        return {name: value for name, value in found.items() if value is not None}


def _bytes(megabytes: int | None) -> int | None:
    return None if megabytes is None else megabytes * MB
