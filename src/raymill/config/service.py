"""What every service has set: how many replicas, and when there are more or fewer."""

from raymill.config.section import Section, setting


class ServiceSettings(Section):
    """Settings of one service, also read from variables without `RAYMILL_` before them.

    Replicas are those of the Ray Serve host; the local host has one of each service.
    """

    replicas: int = setting(1, "Replicas that it begins with", unit="replicas", ge=1)
    min_replicas: int = setting(1, "Fewest replicas", unit="replicas", ge=0)
    max_replicas: int = setting(10, "Most replicas", unit="replicas", ge=1)
    max_ongoing_requests: int = setting(
        100, "Requests that a replica works on at a time", unit="requests", ge=1
    )
    max_queued_requests: int = setting(
        1000,
        "Requests that wait for a replica; more are answered with 429, -1 has no bound",
        unit="requests",
        ge=-1,
    )
    target_requests: float = setting(
        20.0,
        "Requests under way in a replica, on average, above which there are more replicas",
        unit="requests",
        gt=0,
        aliases=("TARGET_NUM_ONGOING_REQUESTS",),
    )
    scale_up_delay: float = setting(
        10.0, "How long more load lasts before there are more replicas", unit="s", ge=0
    )
    scale_down_delay: float = setting(
        60.0, "How long less load lasts before there are fewer replicas", unit="s", ge=0
    )

    @classmethod
    def aliases(cls, name: str) -> tuple[str, ...]:
        """Variables of a setting without `RAYMILL_`: `SCREENER_REPLICAS`."""
        names = (name.upper(), *super().aliases(name))
        return tuple(f"{cls.section.upper()}_{one}" for one in names)
