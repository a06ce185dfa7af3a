"""How much the services of raymill itself take on."""

from typing import ClassVar

from raymill.config.section import setting
from raymill.config.service import ServiceSettings


class RouterSettings(ServiceSettings):
    """Settings of the router on Ray Serve, which answers all requests."""

    section: ClassVar[str] = "router"

    max_ongoing_requests: int = setting(
        1000, "Requests that a replica works on at a time", unit="requests", ge=1
    )
    target_requests: float = setting(
        100.0,
        "Requests under way in a replica, on average, above which there are more replicas",
        unit="requests",
        gt=0,
        aliases=("TARGET_NUM_ONGOING_REQUESTS",),
    )


class AlgorunnerSettings(ServiceSettings):
    """Settings of `/api/algorunner`."""

    section: ClassVar[str] = "algorunner"

    max_concurrent: int = setting(
        10, "Algorithms that run at a time, over all replicas", unit="runs", ge=1
    )
    max_execution_time: float = setting(
        300.0, "Longest time of one run; beyond it the run fails", unit="s", gt=0
    )


class ScreenerSettings(ServiceSettings):
    """Settings of `/api/screener`."""

    section: ClassVar[str] = "screener"

    refresh_interval: float = setting(
        60.0, "How old the snapshot of stored prices may become", unit="s", gt=0
    )
    max_results: int = setting(1000, "Most rows of one answer", unit="rows", ge=1, le=1000)


class TickscrawlerSettings(ServiceSettings):
    """Settings of `/api/tickscrawler`; `market_live.most` bounds its streams."""

    section: ClassVar[str] = "tickscrawler"

    max_crawls: int = setting(
        10, "Crawls that run at a time, over all replicas", unit="crawls", ge=1
    )
    timeout: float = setting(300.0, "Longest time of one crawl", unit="s", gt=0)
    upstream_s: float = setting(
        5.0, "Longest wait for a source before the answer is 502", unit="s", gt=0
    )


class FilingsServiceSettings(ServiceSettings):
    """Settings of `/api/filings`."""

    section: ClassVar[str] = "filings_service"


class WorkflowsServiceSettings(ServiceSettings):
    """Settings of `/api/workflows`."""

    section: ClassVar[str] = "workflows_service"


class TasksServiceSettings(ServiceSettings):
    """Settings of `/api/tasks`."""

    section: ClassVar[str] = "tasks_service"

    most_records: int = setting(
        10_000, "Records that one request may post to a task", unit="records", ge=1
    )
    most_seconds: float = setting(
        10.0, "Longest time of a task over the records of one request", unit="s", gt=0
    )
    most_memory: int = setting(
        1 << 30, "Memory that a task may take for one request", unit="bytes", ge=1 << 26
    )
    most_waiting: int = setting(
        8, "Requests that wait for the one before, in each replica", unit="requests", ge=0
    )
