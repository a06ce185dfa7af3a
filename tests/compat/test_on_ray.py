"""The older actors: they answer while work goes on, and lose nothing when they die."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from compat.conftest import CONFIG, TICKERS, Place
from filings.filer import documents
from raymill import config
from raymill.compat import (
    DownloadSecFilingStep,
    ExtractFactsStep,
    MoveToProcessingStep,
    ProcessingState,
    ProcessingStatus,
    RayProcessingPool,
    RayProcessingWorker,
    RayStateManager,
    RayWorkflowOrchestrator,
    ResetErrorStep,
    SaveParquetStep,
)
from raymill.compat.actors import make
from raymill.errors import ConfigError, EngineUnavailable, StoreError, WorkflowError
from raymill.testing.replay import Recorded

pytestmark = [
    pytest.mark.ray,
    pytest.mark.usefixtures("ray_cluster"),
]
PATIENCE_S = 60


def get(reference: Any) -> Any:
    import ray

    return ray.get(reference, timeout=PATIENCE_S)


@pytest.fixture
def keep() -> Iterator[Callable[[Any], Any]]:
    """Keeps an actor until the end of the test."""
    import ray

    kept: list[Any] = []

    def add(made: Any) -> Any:
        kept.append(getattr(made, "actor", made))
        return made

    yield add
    for actor in kept:
        ray.kill(actor)


@pytest.fixture
def orchestrator(place: Place, keep: Callable[[Any], Any]) -> RayWorkflowOrchestrator:
    made: RayWorkflowOrchestrator = keep(RayWorkflowOrchestrator.remote(CONFIG, 3))
    return made


def test_tickers_are_processed_at_the_same_time_and_the_status_answers_meanwhile(
    orchestrator: RayWorkflowOrchestrator, place: Place
) -> None:
    import ray

    with place.gate.closed():
        tasks = [
            orchestrator.process_ticker_async.remote(place.drop(name), name) for name in TICKERS
        ]
        place.gate.holds(3)
        status = get(orchestrator.get_processing_status.remote())
        assert status["orchestrator"]["active_tasks"] == 3
        assert status["state_manager"]["by_status"]["downloading_sec_filing"] == 3
        assert [one["worker_id"] for one in status["workers"]] == [
            "worker-0",
            "worker-1",
            "worker-2",
        ]
        found = get(orchestrator.wait_for_completion.remote(TICKERS, timeout=0))
        assert {one.status.value for one in found.values()} == {"downloading_sec_filing"}
        with pytest.raises(ray.exceptions.GetTimeoutError) as caught:
            get(orchestrator.process_ticker_async.remote("aapl.json", "AAPL", timeout=0))
        assert isinstance(caught.value, WorkflowError)
        assert caught.value.message.startswith("`AAPL` did not end in 0 s: it is downloading_")
        assert "raymill filings status AAPL" in str(caught.value.hint)
    assert {state.status.value for state in get(tasks)} == {"completed"}
    stats = get(orchestrator.get_orchestrator_stats.remote())
    assert set(stats) == {
        *("total_processed", "total_errors", "active_tasks", "completed_tasks", "failed_tasks"),
        *("runtime_seconds", "throughput_per_minute"),
    }
    assert (stats["active_tasks"], stats["completed_tasks"]) == (0, 3)
    assert get(orchestrator.cleanup_resources.remote())["cache_entries_cleaned"] == 3


def test_an_actor_that_dies_loses_nothing(
    orchestrator: RayWorkflowOrchestrator, place: Place
) -> None:
    import ray

    with place.gate.closed():
        task = orchestrator.process_ticker_async.remote(place.drop("AAPL"), "AAPL")
        waiting = orchestrator.wait_for_completion.remote(["AAPL", "NOPE"], timeout=PATIENCE_S)
        place.gate.holds(1)
        ray.kill(orchestrator.actor, no_restart=False)
    state = get(task)
    assert state.is_completed()
    assert place.state("AAPL") == state.to_dict()
    found = get(waiting)
    assert found["AAPL"] == state
    assert found["NOPE"].metadata == {"unknown": True}
    assert len(documents(place.server.paths())) == 1
    status = get(orchestrator.get_processing_status.remote())
    assert status["orchestrator"]["completed_tasks"] == 1
    assert sum(one["processed_count"] for one in status["workers"]) == 8


def test_a_retry_gives_a_reference(orchestrator: RayWorkflowOrchestrator, place: Place) -> None:
    place.server.next("/submissions/CIK0000000100.json", Recorded(400))
    failed = get(orchestrator.process_ticker_async.remote(place.drop("AAPL"), "AAPL"))
    assert failed.has_error()
    state = get(orchestrator.retry_failed_processing.remote("AAPL"))
    assert (state.status, state.metadata["attempts"]["discover"]) == (ProcessingStatus.COMPLETED, 2)
    with pytest.raises(ConfigError, match="`MSFT` was never processed"):
        get(orchestrator.retry_failed_processing.remote("MSFT"))


def test_another_task_may_use_the_orchestrator(
    orchestrator: RayWorkflowOrchestrator, place: Place
) -> None:
    import ray

    @ray.remote(num_cpus=0)
    def ask(orchestrator: Any, file: str) -> Any:
        state = ray.get(orchestrator.process_ticker_async.remote(file, "AAPL"))
        return state.to_dict()["status"]

    assert get(ask.remote(orchestrator, place.drop("AAPL"))) == "completed"


def test_after_a_shutdown_the_runs_go_on(
    orchestrator: RayWorkflowOrchestrator, place: Place, keep: Callable[[Any], Any]
) -> None:
    with place.gate.closed():
        task = orchestrator.process_ticker_async.remote(place.drop("AAPL"), "AAPL")
        place.gate.holds(1)
        assert get(orchestrator.shutdown.remote()) is None
        with pytest.raises(WorkflowError, match="its run goes on"):
            get(task)
    other = keep(RayWorkflowOrchestrator.remote(CONFIG))
    assert get(other.wait_for_completion.remote(["AAPL"]))["AAPL"].is_completed()


def test_an_orchestrator_that_cannot_be_made_is_a_named_error_with_a_hint(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_RAY_ANSWER_S", "0.5")
    config.reset()
    with pytest.raises(EngineUnavailable, match="Failed to create workflow orchestrator") as caught:
        RayWorkflowOrchestrator.options(num_cpus=999).remote(CONFIG)
    assert "free CPUs and memory" in str(caught.value.hint)


def test_an_actor_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute:  # here, so that it travels whole: a worker does not find this module
        async def answers(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setenv("RAYMILL_RAY_ANSWER_S", "0.5")
    config.reset()
    with pytest.raises(EngineUnavailable, match=r"to create it: no answer in 0\.5 s") as caught:
        make("it", Mute)
    assert "RAYMILL_RAY_ANSWER_S" in str(caught.value.hint)


def test_what_is_wrong_with_a_configuration_is_told_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="no `state_dir`"):
        RayWorkflowOrchestrator.remote({})
    (place.folder / "processing").write_text("a file where the folder belongs")
    with pytest.raises(StoreError, match="processing` cannot be used: File exists"):
        RayWorkflowOrchestrator.remote(CONFIG)
    monkeypatch.delenv("RAYMILL_FILINGS_IDENTITY")
    config.reset()
    with pytest.raises(ConfigError, match="name and an e-mail address"):
        RayWorkflowOrchestrator.remote(CONFIG)


def test_the_state_manager_keeps_states_on_the_disk(
    idle: Place, keep: Callable[[Any], Any]
) -> None:
    manager = keep(RayStateManager.remote("processing"))
    state = ProcessingState("AAPL", "aapl.json", ProcessingStatus.EXTRACTING_FACTS)
    path = get(manager.save_state.remote(state))
    assert path == str(idle.folder / "processing" / "AAPL_state.json")
    stored = get(manager.load_state.remote(path))
    assert stored.state_file_path == path
    assert get(manager.find_state_by_ticker.remote("aapl")) == stored
    assert get(manager.find_state_by_ticker.remote("MSFT")) is None
    assert get(manager.list_states.remote()) == [stored]
    assert get(manager.list_states.remote("completed")) == []
    stats = get(manager.get_processing_stats.remote())
    assert (stats["total_states"], stats["by_status"]["extracting_facts"]) == (1, 1)
    assert len(stats["by_status"]) == 9
    assert get(manager.cleanup_cache.remote()) == 0
    assert get(manager.cleanup_completed_states.remote(keep_days=1)) == 0


def test_single_steps_are_runs_of_their_own(place: Place, keep: Callable[[Any], Any]) -> None:
    worker = keep(RayProcessingWorker.remote("worker-0"))
    state = ProcessingState("AAPL", place.drop("AAPL"))
    state = get(worker.move_to_processing_step.remote(state, "processing"))
    assert state.status is ProcessingStatus.MOVED_TO_PROCESSING
    assert state.processing_file_path == str(place.folder / "processing" / "aapl.json")
    state = get(worker.download_sec_filing_step.remote(state, "sec-edgar-filings"))
    assert state.status is ProcessingStatus.SEC_FILING_DOWNLOADED
    assert str(state.sec_filing_path).endswith("000001/primary-document.html")
    state = get(worker.extract_facts_step.remote(state))
    assert (state.status.value, state.metadata["facts_count"]) == ("facts_extracted", 1)
    state = get(worker.save_parquet_step.remote(state, "output"))
    assert state.is_completed()
    assert (place.folder / "output" / "AAPL_facts.parquet").is_file()
    assert get(worker.get_worker_stats.remote()) == {
        "worker_id": "worker-0",
        "processed_count": 4,
        "error_count": 0,
    }


def test_a_step_that_fails_gives_a_state_in_error(place: Place, keep: Callable[[Any], Any]) -> None:
    worker = keep(RayProcessingWorker.remote("worker-1"))
    begun = ProcessingState("NOPE", "nope.json")
    lost = get(worker.move_to_processing_step.remote(begun, "processing"))
    assert lost.has_error()
    assert lost.error_message == f"Original file not found: {place.folder / 'nope.json'}"
    missing = get(worker.extract_facts_step.remote(begun))
    assert missing.error_message == "SEC filing not found for fact extraction"
    unknown = get(worker.download_sec_filing_step.remote(begun, "sec-edgar-filings"))
    assert str(unknown.error_message).startswith("Failed to download SEC filing: Unknown company")
    again = get(worker.reset_error_step.remote(unknown))
    assert (again.status, again.error_message) == (ProcessingStatus.DISCOVERED, None)
    stats = get(worker.get_worker_stats.remote())
    assert (stats["processed_count"], stats["error_count"]) == (0, 3)


def test_a_pool_does_several_steps_at_a_time_and_survives_its_actor(
    place: Place, keep: Callable[[Any], Any]
) -> None:
    import ray

    pool = keep(RayProcessingPool.remote(pool_size=3))
    begun = [ProcessingState(name, "x.json") for name in TICKERS]
    with place.gate.closed():
        step = DownloadSecFilingStep("sec-edgar-filings")
        steps = [pool.process_step.remote(state, step) for state in begun]
        place.gate.holds(3)
        reset = pool.process_step.remote(begun[0], ResetErrorStep())
        assert get(reset) == begun[0]
        ray.kill(pool, no_restart=False)
    assert [state.status.value for state in get(steps)] == ["sec_filing_downloaded"] * 3
    assert len(documents(place.server.paths())) == 3
    rows = get(pool.get_pool_stats.remote())
    assert sum(row["processed_count"] for row in rows) == 3
    assert {"worker_id", "processed_count", "error_count"} <= set(rows[0])
    assert get(pool.shutdown.remote()) is None


def test_the_steps_have_names() -> None:
    steps = (MoveToProcessingStep, DownloadSecFilingStep, ExtractFactsStep, SaveParquetStep)
    assert [step.name for step in steps] == [
        "move_to_processing",
        "download_sec_filing",
        "extract_facts",
        "save_parquet",
    ]


@pytest.mark.slow
def test_on_a_machine_where_nobody_runs_steps_they_run_on_the_cluster(
    idle: Place, keep: Callable[[Any], Any]
) -> None:
    made = RayWorkflowOrchestrator.remote({**CONFIG, "engine": "ray"}, worker_pool_size=1)
    orchestrator = keep(made)
    state = get(orchestrator.process_ticker_async.remote(idle.drop("AAPL"), "AAPL"))
    assert state.is_completed(), state.error_message
    status = get(orchestrator.get_processing_status.remote())
    assert [one["name"] for one in status["workers"]] == ["ray-0"]
