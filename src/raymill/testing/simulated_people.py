"""The people of a simulation, who ask for things, and in the end see to it that all is done."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from raymill import json
from raymill.errors import RaymillError
from raymill.flow.places import among
from raymill.orchestrator.live import DUE
from raymill.state.store import RunRow, StateStore, StepRow
from raymill.testing.simulated_processes import Processes
from raymill.testing.simulated_world import World
from raymill.testing.witness import Witness


class People:
    """They send messages; some are lost, some are sent twice. A submission is sent until it holds.

    answers: what they say to each question, by the name of its step.
    """

    def __init__(
        self,
        world: World,
        witness: Witness,
        processes: Processes,
        store: Callable[[], StateStore],
        answers: Mapping[str, Any],
    ) -> None:
        self._world, self._witness, self._processes = world, witness, processes
        self._open, self._answers = store, answers
        self._is_calm = False
        self.unsure: set[str] = set()
        """Runs that are to be submitted once more."""

    def ask(self, kind: str, run: str, about: Any, at: float) -> None:
        """Have a message sent after so many seconds, if things still go wrong by then."""
        self._world.after(at, partial(self._ask, kind, run, json.dumps(about)))

    def come(self) -> None:
        """Open the store."""
        self.store = self._open()

    def calm(self) -> None:
        """Ask for nothing new."""
        self._is_calm = True

    def see_to(self) -> None:
        """Do what brings runs to their end: resume, answer, and cancel what is endless."""
        self._processes.ensure()
        for schedule in self.store.schedules():
            self._send("schedule", schedule.name, b'{"action":"rm"}')
        for row in self.store.open_runs():
            if row.status == "paused" and row.parent is None:
                self._send("resume", row.id, b"{}")
            for step in self.store.steps(row.id):
                self._see_to(row, step)

    def is_patient(self) -> bool:
        """Whether some step waits for its time."""
        rows = (step for row in self.store.open_runs() for step in self.store.steps(row.id))
        return any(step.status == "waiting" and step.due > self._world.wall() for step in rows)

    def _see_to(self, row: RunRow, step: StepRow) -> None:
        if step.status == "asked" and step.step in self._answers:
            about = {"step": step.step, "item": step.item, "value": self._answers[step.step]}
            self._send("answer", row.id, json.dumps(about))
        elif step.status in DUE and self._is_endless(row.place, step.step):
            self._send("cancel", row.id, b"{}")

    def _is_endless(self, place: str, step: str) -> bool:
        try:
            found = among(*self._processes.flows.values())(place).by_name.get(step)
        except RaymillError:
            return False  # its code has changed
        return found is not None and found.endless

    def _ask(self, kind: str, run: str, body: bytes) -> None:
        if not self._is_calm:
            self._send(kind, run, body)

    def _send(self, kind: str, run: str, body: bytes) -> None:
        world, plan = self._world, self._processes.plan
        is_refused = world.chance(plan.refusals, "refusals")
        if kind == "submit":
            self.unsure.discard(run)
        if is_refused and kind == "submit":  # whoever is not sure asks again
            self.unsure.add(run)
            world.after(world.between(1.0, 4.0), partial(self._send, kind, run, body))
        if is_refused and world.chance(0.5):
            world.note("people", f"could not ask: {kind} {run}")
            return
        world.note("people", f"ask: {kind} {run} {body.decode()}")
        self.store.send([(kind, run, body)], world.wall())
        self._witness.sent(kind, run, is_acknowledged=not is_refused)
        if world.chance(plan.repeats, "repeats"):
            world.after(world.between(0.0, 8.0), partial(self._ask, kind, run, body))
        self._processes.ensure()
