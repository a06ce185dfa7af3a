"""The text of the older system: its programs run, with only the import lines changed."""

from pathlib import Path
from typing import Any

import pytest

from compat.conftest import Place

pytestmark = [
    pytest.mark.ray,
    pytest.mark.xdist_group("ray"),
    pytest.mark.usefixtures("ray_cluster"),
]

BASIC = """
import ray
from raymill.compat.ray_config import initialize_ray, DEVELOPMENT_CONFIG
from raymill.compat.ray_workflow_orchestrator import RayWorkflowOrchestrator

# Initialize Ray
initialize_ray(DEVELOPMENT_CONFIG)

# Create orchestrator
config = {
    'state_dir': 'processing',
    'processing_dir': 'processing',
    'sec_filings_dir': 'sec-edgar-filings',
    'output_dir': 'output'
}

orchestrator = RayWorkflowOrchestrator.remote(
    config=config,
    worker_pool_size=4
)

# Process a ticker
task_ref = orchestrator.process_ticker_async.remote('aapl.json', 'AAPL')
final_state = ray.get(task_ref)
"""
BATCH = """
# Process multiple tickers concurrently
tickers = ['AAPL', 'MSFT', 'GOOGL']
tasks = {}

for ticker in tickers:
    file_path = f"{ticker.lower()}.json"
    task_ref = orchestrator.process_ticker_async.remote(file_path, ticker)
    tasks[ticker] = task_ref

# Wait for completion
results = orchestrator.wait_for_completion.remote(tickers, timeout=300)
final_results = ray.get(results)
"""
MONITORING = """
# Get processing status
status_ref = orchestrator.get_processing_status.remote()
status = ray.get(status_ref)

print(f"Active tasks: {status['orchestrator']['active_tasks']}")
print(f"Completed: {status['orchestrator']['completed_tasks']}")
print(f"Throughput: {status['orchestrator']['throughput_per_minute']:.2f}/min")
"""


def test_the_basic_batch_and_monitoring_programs_run(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    for ticker in place.filers:
        place.drop(ticker)
    names: dict[str, Any] = {}
    exec(BASIC, names)
    state = names["final_state"]
    assert (state.ticker, state.status.value, state.error_message) == ("AAPL", "completed", None)
    assert state.metadata["facts_count"] == 1
    assert Path(state.parquet_output_path) == place.folder / "output" / "AAPL_facts.parquet"
    exec(BATCH, names)
    found = names["final_results"]
    assert {name: one.status.value for name, one in found.items()} == {
        "AAPL": "completed",
        "MSFT": "completed",
        "GOOGL": "completed",
    }
    exec(MONITORING, names)
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["Active tasks: 0", "Completed: 3"]
    status = names["status"]
    assert status["state_manager"]["by_status"]["completed"] == 3
    assert sum(one["processed_count"] for one in status["workers"]) > 10
    names["ray"].kill(names["orchestrator"].actor)
