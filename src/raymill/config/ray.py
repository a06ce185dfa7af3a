"""Which Ray cluster the engine uses: an isolated local one, or the address that is given."""

from typing import ClassVar, Literal

from pydantic import field_validator

from raymill.config.section import Section, setting


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

    @field_validator("address")
    @classmethod
    def _names_a_cluster(cls, address: str | None) -> str | None:
        if address == "auto":
            raise ValueError("`auto` joins whatever cluster is found; name its address")
        return None if address in (None, "", "local") else address
