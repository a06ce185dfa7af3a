"""A scenario for the simulation: workflows of every kind, and people who ask for all sorts of
things at all sorts of times."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from raymill.flow.pool import StepContext, StepFailed
from raymill.flow.workflow import INPUT, ONCE, Limit, Question, Retry, Step, Workflow
from raymill.orchestrator.planned import to_message
from raymill.orchestrator.schedules import CATCH_UP
from raymill.state.store import ScheduleRow
from raymill.testing.faultplan import FaultPlan
from raymill.testing.simulated_world import START
from raymill.testing.simulation import SimCluster

SOON = Retry(attempts=3, first_s=0.2, most_s=2.0, losses=50)
TWO = Limit("two", at_once=2)
RATE = Limit("rate", at_once=3, rate=4, per_s=1.0)
SLOW = Limit("slow", rate=1, per_s=3.0)


def numbers(count: int) -> list[int]:
    return list(range(count))


def double(value: int) -> int:
    return 2 * value


def note(values: list[Any]) -> list[Any]:
    return ["failed" if isinstance(value, StepFailed) else value for value in values]


def with_input(values: list[Any], count: int) -> list[Any]:
    return [count, *values]


def count_up(count: int, ctx: StepContext) -> int:
    for number in range(ctx.progress or 0, count):
        ctx.check()
        ctx.save(number + 1)
    return count


def watch(value: Any, ctx: StepContext) -> None:
    while True:
        ctx.wait(2.5)
        ctx.save(ctx.attempt)


class Flaky:
    """Fails now and then."""

    def __init__(self, chance: random.Random, often: float) -> None:
        self._chance, self._often = chance, often

    def __call__(self, value: Any, *_: Any) -> Any:
        if self._chance.random() < self._often:
            raise OSError("it broke")
        return 10 * value


def workflows(seed: int) -> dict[str, Workflow]:
    chance = random.Random(seed)
    flaky, doomed = Flaky(chance, 0.25), Flaky(chance, 0.5)
    child = Workflow("child", Step(double, limit=TWO, retry=SOON), Step(double, name="again"))
    nested = Workflow("nested", numbers, Step(child, each="numbers"), sum, version="1")
    made = [
        Workflow("line", double, Step(flaky, name="flaky", retry=SOON), Step(double, name="end")),
        Workflow(
            "fan",
            numbers,
            Step(double, each="numbers", limit=TWO),
            Step(doomed, name="doomed", each="double", allow_failed=True, retry=SOON),
            note,
            Step(with_input, after=("note", INPUT)),
        ),
        Workflow("rated", numbers, Step(double, each="numbers", limit=RATE), sum),
        Workflow("slow", Step(double, limit=SLOW), Step(double, name="end")),
        Workflow("parent", Step(nested), Step(double, name="end")),
        Workflow("asked", double, Step(Question("Go on?", ("yes", "no")), name="answer"), len),
        Workflow(
            "impatient", Step(Question("Now?"), name="answer", timeout_s=4.0), Step(len, name="end")
        ),
        Workflow("endless", Step(watch, endless=True, retry=SOON)),
        Workflow("long", Step(count_up, retry=SOON), double),
        Workflow(
            "timed",
            Step(double, timeout_s=1.6, retry=SOON),
            Step(count_up, timeout_s=2.0, retry=SOON),
        ),
        Workflow("short", Step(double, retry=SOON), Step(double, name="end"), timeout_s=4.0),
    ]
    for flow in made:
        flow._version = "1"
    made.append(changing(chance, "1"))
    return {flow.name: flow for flow in made}


EXPECTED: dict[str, Callable[[int], Any]] = {
    "line": lambda n: 40 * n,
    "rated": lambda n: n * (n - 1),
    "slow": lambda n: 4 * n,
    "parent": lambda n: 2 * sum(4 * i for i in range(n)),
    "asked": lambda n: 3,
    "long": lambda n: 2 * n,
    "timed": lambda n: 2 * n,
    "short": lambda n: 4 * n,
}
STEPS = "abcdef"


def changing(chance: random.Random, version: str) -> Workflow:
    """One of many workflows that bear the same names, as code that is changed often."""
    names = sorted(chance.sample(STEPS, chance.randint(2, 5)), key=lambda _: chance.random())
    steps = [Step(_list, name="list")]
    for name in names:
        before = [INPUT, *(step.name for step in steps)]
        kind, each = chance.random(), chance.choice(["list", None, None])
        after = tuple(chance.sample(before, chance.randint(0, 2)))
        if kind < 0.1:
            steps.append(Step(Question("Well?"), name=name, after=after))
        elif kind < 0.3:
            child = Workflow(name, Step(_list, name="inner"), version="1")
            steps.append(Step(child, name=name, each=each, after=() if each else after[:1]))
        else:
            run = _list if kind < 0.8 else Flaky(chance, 0.5)
            after = after if kind < 0.8 else after[:1] or (INPUT,)
            steps.append(Step(run, name=name, each=each, after=after, retry=ONCE))
    return Workflow("changing", *steps, version=version)


def _list(*_: Any) -> list[int]:
    return [1, 2]


ENGINES = ("local",) * 9 + ("remote",) * 4 + ("absent",)
NAMES = [*EXPECTED, "fan", "impatient", "endless", "parent"]
KINDS = ("cancel", "pause", "resume", "retry")


class Scenario:
    """A cluster, with what people ask of it; all of it follows from the seed."""

    def __init__(
        self,
        seed: int,
        faults: FaultPlan | None = None,
        *,
        kinds: Sequence[str] = NAMES,
        seconds: float = 20.0,
        runs: int = 6,
        **how: Any,
    ) -> None:
        self.chance = random.Random(seed)
        self.flows = workflows(seed)
        self.cluster = SimCluster(
            list(self.flows.values()),
            seed=seed,
            faults=faults,
            answers=dict.fromkeys([*STEPS, "answer"], "yes"),
            orchestrators=self.chance.choice((1, 2, 2, 3)),
            seconds=seconds,
            **how,
        )
        self.catch_up, self.is_steady = "none", False
        self.asked: dict[str, tuple[str, int]] = {}
        for _ in range(self.chance.randint(1, runs)):
            self._run(seconds, self.chance.choice(kinds))
        if self.chance.random() < 0.3:
            self._change(seconds)
        if self.chance.random() < 0.3:
            self._schedule(seconds)

    def _change(self, seconds: float) -> None:
        chance, cluster = self.chance, self.cluster
        for number in range(chance.randint(1, 4)):
            run = cluster.submit(self.flows["changing"], number, at=chance.random() * seconds / 2)
            for _ in range(chance.randint(1, 4)):
                cluster.request(run, "retry", at=chance.random() * seconds)
        for version in range(2, 2 + chance.randint(1, 3)):
            at = chance.random() * seconds
            cluster.deploy(changing(chance, str(version)), at=at)
            cluster.crash(at=at + chance.random())

    def _run(self, seconds: float, name: str) -> None:
        chance, cluster = self.chance, self.cluster
        value, at = chance.randint(0, 4), chance.random() * seconds * 0.7
        run = cluster.submit(
            self.flows[name],
            value,
            at=at,
            priority=chance.choice((None, 0, 5)),
            engine=chance.choice(ENGINES),
        )
        self.asked[run] = name, value
        for _ in range(chance.choice((0, 0, 1, 2, 3))):
            kind, later = chance.choice(KINDS), chance.random() * seconds * 0.6
            cluster.request(run, kind, at=at + later)
        if name in ("asked", "impatient") and chance.random() < 0.7:
            about = {"step": "answer", "item": -1, "value": chance.choice(("yes", "yes", "maybe"))}
            for _ in range(chance.choice((1, 2))):
                cluster.send("answer", run, about, at=at + chance.random() * 8)

    def _schedule(self, seconds: float) -> None:
        chance, cluster = self.chance, self.cluster
        flow = self.flows[chance.choice(("line", "rated"))]
        every = chance.choice((2.0, 5.0))
        begins = START + chance.choice((chance.random() * 5, -40 * chance.random()))
        self.catch_up = chance.choice(CATCH_UP)
        self.every, self.first, self.is_steady = every, begins + every, True
        row = ScheduleRow(
            *("often", flow.name, flow.name, b"2", "", every, "UTC", self.catch_up, 0),
            *("local", "active", begins, begins + every, None),
        )
        cluster.send("schedule", "often", {"action": "add", "row": to_message(row)}, at=1.0)
        for action in ("pause", "resume"):
            if chance.random() < 0.3:
                self.is_steady = False
                cluster.send("schedule", "often", {"action": action}, at=chance.random() * seconds)
        cluster.send("schedule", "often", {"action": "rm"}, at=seconds * 0.95)

    def _look_at_schedule(self, runs: list[str]) -> None:
        """None of its times was left out, where all are to be caught up."""
        if self.catch_up != "all" or not self.is_steady:
            return
        times = sorted(datetime.fromisoformat(run.partition("@")[2]).timestamp() for run in runs)
        expected = [self.first + self.every * number for number in range(len(times))]
        assert [round(time, 3) for time in times] == [round(time, 3) for time in expected]

    def run(self) -> Any:
        found = self.cluster.run()
        self._look_at_schedule([run for run in found.runs if run.startswith("often@")])
        for run, row in found.runs.items():
            if row.status != "completed":
                continue
            name, value = self.asked.get(run, (row.workflow, 2))
            if row.parent is None and name in EXPECTED:
                output = int(row.output)
                assert output == EXPECTED[name](value), (run, name, value, output)
        return found
