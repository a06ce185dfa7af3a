"""Batches of items that a function is called with, wherever workers are: processes, a cluster.

A value that all batches need is put once where workers find it. A pool tries nothing again: who
submits decides what becomes of a batch that was lost. `spread` is one way to.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from raymill.errors import ConfigError, EngineError
from raymill.flow.registry import locate, reference_to

LOOK_S = 0.1  # how often it is looked whether a spread is to stop
EACH = 2  # batches under way for each worker, so that none waits for the next
ATTEMPTS = 3  # of a batch whose worker was lost

Fate: TypeAlias = Literal["done", "lost", "cancelled"]
Stop: TypeAlias = Callable[[], bool]


class Answer(NamedTuple):
    """What a function said to an item: its value, or what it raised."""

    value: Any = None
    error: BaseException | None = None


class Ended(NamedTuple):
    """How a batch ended, with an answer for each item in their order.

    `lost`: its worker went away, as `reason` says; there is no answer then, nor of `cancelled`.
    """

    batch: int
    fate: Fate
    answers: Sequence[Answer] = ()
    reason: str = ""
    seconds: float = 0.0
    worker: str = ""


class BatchPool(Protocol):
    """Workers that call functions with items. For one thread; nothing is kept when it is closed."""

    @property
    def name(self) -> str:
        """What its workers are, as in `processes`."""

    @property
    def size(self) -> int:
        """How many workers there are at most."""

    def put(self, value: Any) -> int:
        """Put a value where all workers find it, once; arrays of it are read-only there.

        Raises ConfigError if it cannot travel.
        """

    def drop(self, held: int) -> None:
        """Let go of a value that no batch needs any more."""

    def submit(self, place: str, items: Sequence[Any], held: int | None = None) -> int:
        """Have the function at a place called with each item, behind the held value if one is
        named: `function(value, item)`. Gives the number of the batch.
        """

    def results(self, patience_s: float) -> list[Ended]:
        """What has ended since it was last asked; waits so long for the first.

        Raises EngineError, EngineUnavailable where no worker can work.
        """

    def cancel(self, batch: int) -> None:
        """Take a batch back: at once, with its worker where it has begun."""

    def close(self) -> None:
        """End all workers, with what they are at."""


def place_of(function: Any) -> str:
    """Where workers find a function: `module:function`. Raises ConfigError.

    >>> from raymill.flow.outcome import Skip
    >>> place_of(Skip)
    'raymill.flow.outcome:Skip'
    """
    found = reference_to(function)
    if found is None:
        raise ConfigError(
            f"Other processes cannot find `{getattr(function, '__qualname__', function)}`",
            hint="put it into a module or a file, at the top level",
        )
    return found


@lru_cache(maxsize=256)
def function_at(place: str) -> Callable[..., Any]:
    """The function at a place. Raises InputError, ConfigError."""
    found = locate(place)
    if not callable(found):
        raise ConfigError(f"`{place}` is of type {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]


def spread(
    pool: BatchPool,
    place: str,
    batches: Iterator[Sequence[Any]],
    held: int | None = None,
    *,
    stop: Stop = lambda: False,
    attempts: int = ATTEMPTS,
) -> Generator[tuple[Sequence[Any], Ended], None, None]:
    """Give out batches as there is room, and their ends as they come.

    No more are under way than two for each worker; the next is asked for when one has ended. A
    batch whose worker was lost is given out again, so often in all; then EngineError is raised.
    When `stop` says yes, what is under way is taken back, and nothing more comes.
    """
    under_way: dict[int, tuple[Sequence[Any], int]] = {}
    try:
        while not stop():
            while len(under_way) < EACH * pool.size and (items := next(batches, None)) is not None:
                under_way[pool.submit(place, items, held)] = (items, 1)
            if not under_way:
                return
            for ended in pool.results(LOOK_S):
                items, attempt = under_way.pop(ended.batch, ((), 0))
                if not attempt or ended.fate == "cancelled":
                    continue  # of an earlier spread, or taken back by others
                if ended.fate == "done":
                    yield items, ended
                elif attempt < attempts:
                    under_way[pool.submit(place, items, held)] = (items, attempt + 1)
                else:
                    raise _lost(items, attempt, ended.reason)
    finally:
        for batch in under_way:
            pool.cancel(batch)


def _lost(items: Sequence[Any], attempts: int, reason: str) -> EngineError:
    shown = str(items[0]) if len(items) == 1 else f"{items[0]} to {items[-1]}"
    return EngineError(
        f"A worker was lost {attempts} times at {shown[:200]}: {reason}",
        hint="look at memory: `raymill doctor`, or use fewer --workers",
    )
