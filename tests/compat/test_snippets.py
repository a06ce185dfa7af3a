"""The text of the older system: its programs run, with only the import lines changed."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from compat.conftest import Place
from raymill.compat import app

pytestmark = [
    pytest.mark.ray,
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


GUIDE = (Path(__file__).parents[2] / "docs/guides/coming-from-ticker-processing.md").read_text()
BLOCKS = re.findall(r"^```py\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
OF_RAY = "list_actors"


def meaning(program: str) -> str:
    """A program without its imports, however it is spaced."""
    statements = ast.parse(program).body
    kept = [one for one in statements if not isinstance(one, ast.Import | ast.ImportFrom)]
    return ast.unparse(kept)


@pytest.mark.parametrize("program", [BASIC, BATCH, MONITORING])
def test_the_guide_has_the_programs_of_the_text(program: str) -> None:
    assert meaning(program) in [meaning(block) for block in BLOCKS]


def test_the_programs_of_the_text_and_of_the_guide_run(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    for ticker in place.filers:
        place.drop(ticker)
    names: dict[str, Any] = {}
    try:
        for program in (BASIC, BATCH, MONITORING):
            exec(program, names)
        check(place, names, capsys.readouterr().out.splitlines())
        place.drop("MSFT")
        for block in BLOCKS[3:]:
            if OF_RAY not in block:
                exec(block, names)
        assert (names["msft"].is_completed(), names["fetched"].has_error()) == (True, False)
    finally:
        app.close()
        for name in ("pool", "manager"):
            if name in names:
                names["ray"].kill(names[name])
        if "orchestrator" in names:
            names["ray"].kill(names["orchestrator"].actor)


def check(place: Place, names: dict[str, Any], said: list[str]) -> None:
    """What the programs of the text gave."""
    state = names["final_state"]
    assert (state.ticker, state.status.value, state.error_message) == ("AAPL", "completed", None)
    assert state.metadata["facts_count"] == 1
    assert Path(state.parquet_output_path) == place.folder / "output" / "AAPL_facts.parquet"
    assert pq.read_table(state.parquet_output_path)["value_text"].to_pylist() == ["100"]
    found = names["final_results"]
    assert {name: one.status.value for name, one in found.items()} == {
        "AAPL": "completed",
        "MSFT": "completed",
        "GOOGL": "completed",
    }
    assert said[:2] == ["Active tasks: 0", "Completed: 3"]
    status = names["status"]
    assert status["state_manager"]["by_status"]["completed"] == 3
    # Three companies of one filing: eight steps each, and four for AAPL, which came twice.
    assert sum(one["processed_count"] for one in status["workers"]) > 20


ON_A_CLUSTER = """
import os, ray
from raymill.compat import DEVELOPMENT_CONFIG, initialize_ray, shutdown_ray
initialize_ray({**DEVELOPMENT_CONFIG, "num_cpus": 1})
@ray.remote
class Counted:
    def ready(self):
        return True
counted = Counted.remote()
assert ray.get(counted.ready.remote())
"""


@pytest.mark.slow
def test_what_ray_shows_is_shown_on_a_cluster_with_a_dashboard(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if OF_RAY in block]
    done = subprocess.run(
        [sys.executable, "-c", f"{ON_A_CLUSTER}{block}\nshutdown_ray()"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "Actor: Counted, State: ALIVE" in done.stdout, done.stderr
    assert "Total CPUs: 1" in done.stdout
    assert (tmp_path / "ray_timeline.json").is_file()
