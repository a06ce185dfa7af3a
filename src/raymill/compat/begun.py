"""What an actor begins with, or why it could not."""

from collections.abc import Callable
from typing import Generic, TypeVar

from raymill.errors import RaymillError

T = TypeVar("T")


class Begun(Generic[T]):
    """Something that was made, or the error of that.

    Of an actor whose beginning raises, Ray hands on the text alone; what a call raises comes whole.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._error: RaymillError | None = None
        try:
            self._made = make()
        except RaymillError as error:
            self._error = error

    def get(self) -> T:
        """What was made. Raises what making it raised."""
        if self._error is not None:
            raise self._error
        return self._made
