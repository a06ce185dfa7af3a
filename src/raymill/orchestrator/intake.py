"""What other processes submit, as runs that begin or are refused with the reason."""

from collections.abc import Callable, Collection
from typing import Any

from raymill import json
from raymill.errors import RaymillError, WorkflowError, unknown
from raymill.flow.workflow import Workflow
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.live import Fetch, Live
from raymill.orchestrator.pools import LOCAL
from raymill.orchestrator.turn import new_run
from raymill.state.store import Message, RunRow

Find = Callable[[str], Workflow]
ITEMS = range(-1, 1 << 31)
PRIORITIES = range(-(1 << 31), 1 << 31)


class Outdated(Exception):
    """Only a process that loads the code of a submission anew can run it."""


class Intake:
    """Makes runs of submissions. It knows which code this process has loaded."""

    def __init__(self, find: Find, fetch: Fetch, clock: Clock, engines: Collection[str]) -> None:
        self._find, self._fetch, self._clock, self._engines = find, fetch, clock, engines
        self._loaded: set[str] = set()

    def begin(self, message: Message, is_busy: bool) -> Live | RunRow:
        """A run that can begin, or the row of one that cannot. Raises Outdated.

        Whatever the message holds, it is answered with one of them.
        """
        about: dict[str, Any] = {}
        try:
            about = _read(message)
            return self._begun(message, about, is_busy)
        except RaymillError as error:
            return self._refused(message, about, error)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            text = f"the submission cannot be read: {type(error).__name__}: {error}"
            return self._refused(message, about, WorkflowError(text))

    def _begun(self, message: Message, about: dict[str, Any], is_busy: bool) -> Live:
        place, wanted = str(about["place"]), about.get("version")
        engine = str(about.get("engine") or LOCAL)
        if engine not in self._engines:
            raise unknown("engine", engine, self._engines, kind=WorkflowError)
        file = place.rpartition(":")[0] or place
        was_loaded = file in self._loaded
        self._loaded.add(file)
        flow = self._find(place)
        if wanted not in (None, flow.version):
            if was_loaded and not is_busy:
                raise Outdated
            raise WorkflowError(
                f"the orchestrator has version {flow.version} of `{place}` loaded, not {wanted}",
                hint=f"raymill workflows retry {message.run} runs it with the code that is loaded",
            )
        row = new_run(
            flow,
            json.dumps(about["input"]),
            self._clock,
            place,
            id=message.run,
            priority=about.get("priority"),
            engine=engine,
        )
        return Live(row._replace(created=message.at), flow, (), self._fetch)

    def _refused(self, message: Message, about: dict[str, Any], error: RaymillError) -> RunRow:
        """A run that cannot begin is in the journal with the reason."""
        reason = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
        return RunRow(
            id=message.run,
            workflow=str(about.get("workflow", "")),
            place=str(about.get("place", "")),
            version="",
            status="failed",
            priority=about.get("priority") or 0,
            input=json.dumps(about.get("input")),
            output=None,
            error=json.dumps(reason),
            parent=None,
            created=message.at,
            ended=self._clock.now(),
            engine=str(about.get("engine") or LOCAL),
        )


def answer_of(message: Message) -> tuple[str, int, Any]:
    """The step and item that a person answers, and what. Raises ValueError, KeyError, TypeError."""
    about: Any = json.loads(message.body)
    step, item = about["step"], about["item"]
    if type(step) is not str or type(item) is not int or item not in ITEMS:
        raise ValueError(f"there is no item {item!r} of step {step!r}")
    return step, item, about["value"]


def _read(message: Message) -> dict[str, Any]:
    about: Any = json.loads(message.body)
    if not isinstance(about, dict):
        raise TypeError(f"it is of type {type(about).__name__}")
    priority = about.get("priority")
    if priority is not None and (type(priority) is not int or priority not in PRIORITIES):
        raise ValueError(f"priority {priority!r} is no whole number of 32 bits")
    return about
