"""When the steps of a run went on, as bars and as a trace."""

from raymill.app.runs import EventOfRun, Run, StepOfRun, WholeRun
from raymill.app.timeline import bars, trace


def at(second: float) -> str:
    return f"2026-01-01T00:00:{second:06.3f}Z"


def step(name: str, begun: float, ended: float, **given: object) -> StepOfRun:
    usual = {"item": None, "status": "done", "attempt": 1, "failures": 0, "losses": 0}
    about = {**usual, "seconds": ended - begun, "error": None, **given}
    times = {"started": at(begun), "ended": at(ended), "worker": "local-0"}
    return StepOfRun(name, **{**times, **about})  # type: ignore[arg-type]


def whole(*steps: StepOfRun, ended: float = 10) -> WholeRun:
    run = Run("r1", "w", "completed", at(0), at(ended))
    return WholeRun(run, list(steps), [EventOfRun(at(3), "error", "b", None, 1, "OSError: x")])


def test_a_bar_stands_where_its_step_went_on() -> None:
    unbegun = StepOfRun("c", None, "begun", 1, 0, 0, None, None)
    found = whole(step("a", 0, 2.5), step("b", 2.5, 10), unbegun)
    assert bars(found, width=8) == ["██······", "··██████", ""]


def test_the_shortest_step_is_seen_also_at_the_very_end() -> None:
    found = whole(step("a", 0, 0.001), step("b", 10, 10.0))
    assert bars(found, width=8) == ["█·······", "·······█"]


def test_a_trace_has_a_line_for_each_worker_and_an_instant_for_each_event() -> None:
    found = whole(step("a", 0, 2.5), step("b", 2.5, 10, item=3, worker="ray-1"))
    events = trace([found])
    begun = 1_767_225_600_000_000
    assert [(e["name"], e["ts"], e["dur"], e["tid"]) for e in events if e["ph"] == "X"] == [
        ("a", begun, 2_500_000, 1),
        ("b[3]", begun + 2_500_000, 7_500_000, 2),
    ]
    names = [(e["name"], e["args"]["name"]) for e in events if e["ph"] == "M"]
    assert names == [
        ("process_name", "w r1"),
        ("thread_name", "local-0"),
        ("thread_name", "ray-1"),
    ]
    (instant,) = (e for e in events if e["ph"] == "i")
    assert (instant["name"], instant["ts"]) == ("error b", begun + 3_000_000)
