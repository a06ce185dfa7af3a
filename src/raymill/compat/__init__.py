"""The names of the older ticker-processing system, for programs that come from it.

Change `from src.` to `from raymill.compat.`, or take every name from here. Each is loaded when it
is used; none of them loads Ray before it runs.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "raymill.compat.app": (
        "cleanup_resources",
        "get_processing_status",
        "process_ticker_file",
        "retry_failed_ticker",
    ),
    "raymill.compat.fact_extractor": ("extract_top_facts", "save_facts_to_parquet"),
    "raymill.compat.file_watcher": ("TickerFileHandler", "watch_input_folder"),
    "raymill.compat.ray_config": (
        "DEVELOPMENT_CONFIG",
        "PRODUCTION_CONFIG",
        "get_cluster_info",
        "get_ray_config",
        "initialize_ray",
        "shutdown_ray",
    ),
    "raymill.compat.ray_processing_worker": (
        "DownloadSecFilingStep",
        "ExtractFactsStep",
        "MoveToProcessingStep",
        "RayProcessingPool",
        "RayProcessingWorker",
        "ResetErrorStep",
        "SaveParquetStep",
    ),
    "raymill.compat.ray_state_manager": ("RayStateManager",),
    "raymill.compat.ray_workflow_orchestrator": ("RayWorkflowOrchestrator",),
    "raymill.compat.state_manager": ("StateManager",),
    "raymill.filings.status": ("ProcessingState", "ProcessingStatus"),
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module `{__name__}` has no `{name}`")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
