"""How workflows run: workers, the lease of their orchestrator, when it leaves."""

from typing import ClassVar

from raymill.config.section import Section, setting


class WorkflowSettings(Section):
    """Settings of `raymill workflows` and `raymill orchestrator`."""

    section: ClassVar[str] = "workflows"

    workers: int = setting(4, "Steps that run at a time, at most", unit="workers", ge=1)
    workers_min: int = setting(
        1, "Local workers that wait for steps; more are started as a queue grows", ge=1
    )
    lease_s: float = setting(
        5.0, "Time after which another orchestrator takes over from a silent one", unit="s", gt=0
    )
    idle_s: float = setting(
        60.0,
        "Time without work after which an orchestrator leaves that was started by a command",
        unit="s",
        ge=0,
    )
    ray_workers_min: int = setting(
        1, "Workers on Ray that are kept while nothing is to do", unit="workers", ge=0
    )
    ray_workers_max: int = setting(
        4, "Workers on Ray to which their number grows with the queue", unit="workers", ge=1
    )
    ray_idle_s: float = setting(
        60.0, "Time without work after which a worker on Ray is let go", unit="s", gt=0
    )
    ray_join_s: float = setting(
        30.0,
        "Time in which a node may join that has what a step asks for and no other has",
        unit="s",
        ge=0,
    )
    ray_silent_s: float = setting(
        60.0, "Time after which a worker on Ray that says nothing is given up", unit="s", gt=0
    )
