"""A step in a simulation: it stops wherever it asks something of its context."""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from raymill.errors import Cancelled
from raymill.flow.pool import StepContext
from raymill.testing.simulated_world import Killed


class Asked(NamedTuple):
    """What a step asks of its context: to `save`, to `check`, to `wait`."""

    kind: str
    value: Any = None


class OnThread:
    """A function on a thread of its own, which goes on only while somebody waits for it.

    So there is one order in which things happen, as if there were no threads.
    """

    def __init__(self, function: "Callable[[OnThread], Any]") -> None:
        self.result: Any = None
        self._function = function
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._asked: Asked | None = None
        self._answer: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="simulated-step", daemon=True)
        self._thread.start()

    def go_on(self, answer: Any = None, error: BaseException | None = None) -> Asked | None:
        """Let it go on until it asks for something; None once it has returned."""
        self._answer, self._error, self._asked = answer, error, None
        self._go.release()
        self._back.acquire()
        return self._asked

    def end(self) -> None:
        """Have it die where it is."""
        for _ in range(100):  # it may ask again on its way out
            if self.go_on(error=Killed()) is None:
                break
        self._thread.join()

    def ask(self, kind: str, value: Any = None) -> Any:
        """Stop for an answer; called by the function itself."""
        self._asked = Asked(kind, value)
        self._back.release()
        self._go.acquire()
        if self._error is not None:
            raise self._error
        return self._answer

    def _run(self) -> None:
        self._go.acquire()
        try:
            if self._error is None:
                self.result = self._function(self)
        except Killed:
            pass
        finally:
            self._asked = None
            self._back.release()


class SimulatedContext(StepContext):
    """The context of a step whose time passes in a simulation."""

    line: OnThread

    def wait(self, seconds: float) -> None:
        """Wait; no real time passes. Raises Cancelled."""
        if not self.line.ask("wait", seconds):
            raise Cancelled(f"Step `{self.step}` was cancelled")


def context_on(line: OnThread) -> Callable[..., StepContext]:
    """Makes the context of the step that runs there."""

    def make(*given: Any, **how: Any) -> StepContext:
        context = SimulatedContext(*given, **how)
        context.line = line
        return context

    return make
