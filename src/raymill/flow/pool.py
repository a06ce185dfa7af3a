"""What runs steps, seen from both sides: the pool of workers, and the context of one step."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

Outcome: TypeAlias = Literal["done", "error", "timeout", "lost", "cancelled", "unstarted"]
Argument: TypeAlias = bytes | tuple[bytes, ...]
LOOK_S = 0.1  # how often a step that waits looks whether it is still wanted
FAILED = b"!"
"""Begins the value of an item that failed for good; no JSON value begins with it."""
OUT_OF_MEMORY = "OutOfMemory"
"""The type of the error of an attempt that was ended because its machine ran out of memory."""


def _nothing(*_: Any) -> None:
    return


@dataclass(frozen=True)
class StepFailed:
    """Stands in the results of a fan-out for an item that failed for good."""

    kind: str
    message: str


class StepContext:
    """What a step may ask about its attempt; it comes as the argument `ctx`.

    `StepContext()` will do for a test of the plain function.
    """

    def __init__(
        self,
        run: str = "run",
        step: str = "step",
        item: int = -1,
        attempt: int = 1,
        progress: Any = None,
        *,
        save: Callable[[Any], None] = _nothing,
        check: Callable[[], None] = _nothing,
    ) -> None:
        self.run, self.step, self.item = run, step, item
        self.attempt = attempt
        """1 for the first start, also after a crash 2 for the second."""
        self.progress = progress
        """What an earlier attempt saved last, None before that."""
        self._save, self._check = save, check

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step: give it to whatever has effects outside."""
        item = "" if self.item < 0 else f"/{self.item}"
        return f"{self.run}/{self.step}{item}"

    def save(self, progress: Any) -> None:
        """Commit progress (a JSON value) in mid-step; the next attempt gets it back.

        Raises Cancelled if this attempt is over.
        """
        self._save(progress)
        self.progress = progress

    def check(self) -> None:
        """Raise Cancelled if the run was cancelled or another attempt has taken over."""
        self._check()

    def wait(self, seconds: float) -> None:
        """Wait, looking every tenth of a second whether the attempt is still wanted.

        Raises Cancelled.
        """
        ends = time.monotonic() + seconds
        self.check()
        while (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_S))
            self.check()


class Key(NamedTuple):
    """One attempt."""

    run: str
    step: str
    item: int
    attempt: int


class Call(NamedTuple):
    """An attempt to make: values are JSON as bytes, lists of them for a fan-in."""

    key: Key
    workflow: str
    place: str
    arguments: tuple[Argument, ...]
    progress: bytes | None
    endless: bool = False  # it takes no worker: it runs aside until it is cancelled
    losses: int = 0  # how many attempts before it lost their worker


class Result(NamedTuple):
    """How an attempt ended.

    `lost`: its worker went away; `unstarted`: it never began, so nothing is counted.
    """

    key: Key
    outcome: Outcome
    output: bytes | None = None
    error: bytes | None = None
    retry: bool = False  # whether the step's rules have this error tried again
    seconds: float = 0.0
    worker: str = ""  # which worker it ran on


class Reports(Protocol):
    """Where a pool reports to; called from any of its threads."""

    def results(self, results: Sequence[Result]) -> None:
        """Some attempts ended."""

    def save(self, key: Key, progress: bytes) -> None:
        """Commit an attempt's progress. Raises Cancelled if the attempt is over."""


class WorkerPool(Protocol):
    """Runs attempts, several at a time. It keeps nothing that is not in the store."""

    @property
    def size(self) -> int:
        """How many workers there are."""

    def open(self, reports: Reports) -> None:
        """Begin; results go to `reports`."""

    def submit(self, calls: Sequence[Call]) -> None:
        """Run calls one after the other on a worker that is idle."""

    def cancel(self, key: Key) -> None:
        """Stop an attempt: at once where it runs in a process, at its next check elsewhere."""

    def close(self) -> None:
        """Stop all workers; attempts that go on are given up."""
