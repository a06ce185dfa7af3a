"""When a request is made again: decisions over what happened, for either client."""

from collections.abc import Callable, Mapping

import httpx2

from raymill.errors import ApiUnavailable
from raymill.net.retry import Tries, retry_after, wait_s
from raymill.net.verdict import Verdict
from raymill.services.client.asked import Asked

BUSY, AWAY = 429, 503
PATIENCE = Tries(most=6, deadline_s=60.0, first_s=0.2, most_s=10.0)


class Attempts:
    """The tries of one request.

    What was refused before any work (429, no connection) is asked again; what may have been begun
    (503, a connection that broke off) only where asking twice does no more than asking once.
    """

    def __init__(
        self,
        asked: Asked,
        tries: Tries,
        clock: Callable[[], float],
        wall: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._asked, self._tries, self._chance = asked, tries, chance
        self._clock, self._wall = clock, wall
        self.restart()

    def restart(self) -> None:
        """Begin to count anew, as something was heard."""
        self._tried, self._begun = 0, self._clock()

    def answered(self, status: int, headers: Mapping[str, str]) -> float | None:
        """How long to wait before the next try; None to take this answer."""
        if status != BUSY and not (status == AWAY and self._asked.is_safe):
            return None
        text = headers.get("retry-after", "")
        return self._wait(retry_after(text, self._wall()))

    def failed(self, error: Exception, url: str, *, is_unsent: bool = False) -> float:
        """How long to wait after no answer came. Raises ApiUnavailable where that is the end.

        is_unsent: whether nothing was asked yet, as where there is no connection.
        """
        is_unsent = is_unsent or isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
        wait = self._wait(None) if is_unsent or self._asked.is_safe else None
        if wait is None:
            what = "cannot be reached" if is_unsent else "broke off before it answered"
            raise ApiUnavailable(
                f"`{url}` {what}: {str(error) or type(error).__name__}",
                hint="raymill serve; RAYMILL_SERVE_URL says where it is",
            ) from error
        return wait

    def _wait(self, asked_s: float | None) -> float | None:
        self._tried += 1
        spent = self._clock() - self._begun
        verdict = Verdict("transient", asked_s)
        return wait_s(verdict, self._tried, spent, self._tries, self._chance())
