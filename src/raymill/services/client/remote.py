"""A service and its routes by their names, whichever client asks."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from raymill.services.client.asked import Asked, Target, target_of
from raymill.services.service import Service


class Asks(Protocol):
    """A client: what it gives is there, or awaited."""

    def value(self, asked: Asked) -> Any:
        """The value of the answer."""

    def ask(self, asked: Asked) -> Any:
        """The answer."""

    def paged(self, found: Target, args: Sequence[Any], given: Mapping[str, Any]) -> Any:
        """The values page by page."""

    def listen(self, asked: Asked) -> Any:
        """The events that it is answered with."""

    def hear(self, asked: Asked) -> Any:
        """What its websocket sends."""


class Remote:
    """A service behind the API; its methods are those of the class that declares it."""

    def __init__(self, client: Asks, kind: type[Service]) -> None:
        self._client, self._kind = client, kind

    def __getattr__(self, name: str) -> "RemoteMethod":
        if name.startswith("_"):
            raise AttributeError(name)
        return RemoteMethod(self._client, target_of(self._kind, name))


class RemoteMethod:
    """A route behind the API. Names that are no parameter of it are fields of its body.

    Of an `AsyncClient`, what is called is awaited, and what is iterated over too.
    """

    def __init__(self, client: Asks, found: Target) -> None:
        self._client, self._found = client, found

    def __call__(self, *args: Any, **given: Any) -> Any:
        """Call it; gives the value of the answer."""
        return self._client.value(self._found.asked(args, given))

    def answer(self, *args: Any, **given: Any) -> Any:
        """Call it; gives the answer with its status and headers."""
        return self._client.ask(self._found.asked(args, given))

    def pages(self, *args: Any, **given: Any) -> Any:
        """The values page by page."""
        return self._client.paged(self._found, args, given)

    def events(self, *args: Any, **given: Any) -> Any:
        """What it tells, to its end."""
        return self._client.listen(self._found.asked(args, given))

    def follow(self, *args: Any, **given: Any) -> Any:
        """What its websocket sends, to its end."""
        return self._client.hear(self._found.asked(args, given))
