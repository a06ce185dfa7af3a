"""A value that each process makes for itself, such as a connection."""

import os
from collections.abc import Callable
from typing import Generic, TypeVar

from raymill.state.patience import Turn

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Made when it is first asked for; after a fork, made anew.

    What the process before the fork has made stays untouched: closing it would harm that process.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._turn = make, Turn()
        self._made: dict[int, T] = {}

    def get(self) -> T:
        """This process's value."""
        found = self._made.get(os.getpid())
        if found is not None:
            return found
        with self._turn.taken():
            process = os.getpid()
            if process not in self._made:
                self._made[process] = self._make()
            return self._made[process]

    def pop(self) -> T | None:
        """Forget this process's value; gives it if there was one."""
        return self._made.pop(os.getpid(), None)
