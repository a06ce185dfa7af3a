"""Server-sent events, line by line."""

from raymill import json
from raymill.errors import ApiUnavailable
from raymill.services.client.answer import told
from raymill.services.route import Event


class Listener:
    """Makes events of lines; `last` is the id behind which to go on.

    >>> listener = Listener()
    >>> [listener.hear(line) for line in ("id: 7", ": ping", "data: {}", "")][-1]
    Event(id='7', data={}, event='message')
    """

    def __init__(self, last: str | None = None) -> None:
        self.last = last
        self._clear()

    def _clear(self) -> None:
        self._event, self._data = "message", list[str]()

    def hear(self, line: str) -> Event | None:
        """Take a line; gives the event that it ends. Raises the error that the API tells."""
        if line:
            self._take(*line.partition(":")[::2])
            return None
        if not self._data:
            self._clear()
            return None
        event = Event(self.last or "", _value("\n".join(self._data)), self._event)
        self._clear()
        if event.event == "error" and isinstance(event.data, dict) and "detail" in event.data:
            raise told(event.data, int(event.data.get("status", 500)))
        return event

    def _take(self, name: str, value: str) -> None:
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self.last = value


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONError as error:
        raise ApiUnavailable("An event is no JSON") from error
