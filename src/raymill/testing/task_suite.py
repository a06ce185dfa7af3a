"""What must hold for every task on every engine: `check_task(task, records, ...)` finds the
offender."""

import pickle
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from raymill.connectors.memory import MemorySink
from raymill.engines.local import LocalRunner
from raymill.engines.run import Job, Options, Report, Runner
from raymill.flow.declare import as_declared
from raymill.flow.pipeline import Stream, read
from raymill.flow.plan import Plan, plan
from raymill.flow.step import Step
from raymill.testing.crew import CrewRunner
from raymill.testing.source import TestingSource


@dataclass(frozen=True)
class Outcome:
    """What a run gave: records, failures, counts."""

    records: list[dict[str, Any]]
    failed: list[tuple[Any, ...]]
    counts: Mapping[str, Any]


class Letters:
    """Keeps failed records, for a test to look at."""

    path = "letters"
    resumable = False

    def __init__(self) -> None:
        self.kept: list[tuple[Any, ...]] = []

    def open(self, mark: Any = None) -> None:
        """Begin."""

    def encode(self, letters: Sequence[Any]) -> Sequence[Any]:
        """Keep them as they are."""
        return letters

    def write(self, letters: Sequence[Any]) -> None:
        """Keep them."""
        self.kept += [(repr(one.record), one.task, one.reason, one.line) for one in letters]

    def close(self) -> None:
        """Nothing to finish."""

    def abandon(self) -> None:
        """Nothing to leave."""

    def bytes_written(self) -> int:
        """Nothing was written."""
        return 0


def outcome(
    stream: Any,
    records: Sequence[Any],
    runner: Runner | None = None,
    *,
    size: int = 2**31,
    workers: int = 1,
) -> Outcome:
    """Run `stream(read)` over records: on the local engine, or the given one."""
    source = TestingSource(records, size=size)
    made = plan(stream(read(records)).write([]), source)
    return run_plan(made, source, runner, workers)


def run_plan(made: Plan, source: Any, runner: Runner | None = None, workers: int = 1) -> Outcome:
    """Run a plan and keep everything that it gave."""
    letters = Letters()
    sink = MemorySink([])
    job = Job(made, source.select(made.wanted), (sink,), letters, Options(workers=workers))  # type: ignore[arg-type]
    report: Report = (runner or LocalRunner()).run(job)
    return Outcome(_comparable(sink.records), letters.kept, report.nodes)


def _comparable(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Floats by their exact value, so that NaN equals NaN and 0.0 is not -0.0."""
    return [{n: _exact(v) for n, v in record.items()} for record in records]


def _exact(value: Any) -> Any:
    if isinstance(value, list):
        return [_exact(one) for one in value]
    return value.hex() if isinstance(value, float) else value


def check_task(
    task: Any, records: Sequence[Mapping[str, Any]], *, seed: int = 0, **given: Any
) -> Outcome:
    """Check the invariants of a task over some records. Raises AssertionError that names the
    broken one.

    given: what `Stream.then` takes: field, key, as_, ports and parameters. Put bad records among
    them.
    """
    chosen = random.Random(seed)

    def stream(start: Stream) -> Stream:
        return start.then(as_declared(task), **given)

    whole = outcome(stream, records)
    for size in (1, *(chosen.randint(2, max(2, len(records))) for _ in range(3))):
        assert outcome(stream, records, size=size) == whole, f"not batch-blind: pieces of {size}"
    for workers in (1, 2, 4):
        found = outcome(stream, records, CrewRunner(), size=7, workers=workers)
        assert found == whole, f"not worker-blind: {workers} workers"
    moved = outcome(stream, records, CrewRunner((1, 3, 2)), size=5, workers=2)
    assert moved == whole, "not crash-blind: state was saved, moved and restored"
    _conserves(whole)
    _leaves_no_trace(stream, records, whole)
    _equal_spec(stream, records)
    if isinstance(_lifted(stream, records), Step):
        assert _plain(stream, records) == whole, "plain Python and the compiled loop differ"
    if given.get("key"):
        _key_blind(stream, records, whole, given["key"])
    return whole


def _conserves(whole: Outcome) -> None:
    for label, counts in whole.counts.items():
        out = counts["answered"] + counts["held"]
        out += sum(counts["skipped"].values()) + sum(counts["failed"].values())
        assert counts["records_in"] == out, f"records are lost in `{label}`: {counts}"


def _leaves_no_trace(stream: Any, records: Sequence[Any], whole: Outcome) -> None:
    """Without the records that failed, the others are answered alike. (In another order at the end
    of input, perhaps: a key's place is that of its first record, also of one that fails.)"""
    failed = {line for *_, line in whole.failed}
    good = [record for line, record in enumerate(records, start=1) if line not in failed]
    if failed and good:
        alone = outcome(stream, good).records
        same = sorted(map(repr, alone)) == sorted(map(repr, whole.records))
        assert same, "a record that failed left a trace in the state"


def _planned(stream: Any, records: Sequence[Any]) -> Plan:
    return plan(stream(read(records)).write([]), TestingSource(records))


def _lifted(stream: Any, records: Sequence[Any]) -> Any:
    return _planned(stream, records).nodes[-1].task


def _equal_spec(stream: Any, records: Sequence[Any]) -> None:
    task = _lifted(stream, records)
    again = pickle.loads(pickle.dumps(task))
    assert _told(task.spec()) == _told(task.spec()) == _told(again.spec()), "spec() is not pure"


def _told(spec: Any) -> tuple[Any, ...]:
    state = spec.state.tobytes() if spec.state is not None else None
    return dict(spec.reads), spec.adds, spec.drops, spec.scope, state, spec.outcomes, spec.silent


def _plain(stream: Any, records: Sequence[Any]) -> Outcome:
    made = _planned(stream, records)
    node = made.nodes[-1]
    assert isinstance(node.task, Step)
    slow = replace(node, task=replace(node.task, compiled=False))
    return run_plan(replace(made, nodes=(*made.nodes[:-1], slow)), TestingSource(records))


def _key_blind(
    stream: Any, records: Sequence[Any], whole: Outcome, key: str | Sequence[str]
) -> None:
    """A key's outputs depend on that key's records alone."""
    fields = (key,) if isinstance(key, str) else tuple(key)

    def of(record: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(record.get(name) for name in fields)

    for one in dict.fromkeys(map(of, records)):
        if None in one:
            continue
        alone = outcome(stream, [record for record in records if of(record) == one])
        among = [record for record in whole.records if of(record) == one]
        assert alone.records == among, f"key {one!r} is changed by the records of others"
