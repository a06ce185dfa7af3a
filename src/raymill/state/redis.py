"""Limits and answers on a Redis or Valkey server: what may be lost without harm."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from raymill import json
from raymill.errors import StoreUnavailable
from raymill.state.ledger import Decide
from raymill.state.limits import Reading, State
from raymill.state.per_process import PerProcess

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")
PREFIX = "raymill"
KEPT_S = 86_400  # a limit that nobody asks for so long is as one that nobody ever asked for
WAIT_S = 5.0


class RedisServer:
    """A connection to the server at an address, made when it is first used."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = PerProcess(self._opened)

    def __reduce__(self) -> tuple[Any, ...]:
        return RedisServer, (self.url,)

    @contextmanager
    def using(self) -> Iterator["Redis"]:
        """The connection. Raises StoreUnavailable."""
        from redis.exceptions import RedisError

        try:
            yield self._client.get()
        except RedisError as error:
            raise StoreUnavailable(
                f"Redis does not do what it is asked: {type(error).__name__}",
                hint="RAYMILL_REDIS_URL says where it is; is it there, with enough memory?",
            ) from error

    def close(self) -> None:
        """Close the connection; it is opened again when it is used."""
        client = self._client.pop()
        if client is not None:
            client.close()

    def _opened(self) -> "Redis":
        from redis import Redis

        return Redis.from_url(
            self.url, socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S, health_check_interval=30
        )


class RedisLedger:
    """Keeps the states of limits on a server, by its clock."""

    def __init__(
        self, server: RedisServer, clock: Callable[["Redis"], Reading] | None = None
    ) -> None:
        self.server, self._clock = server, clock or _of_server

    def __reduce__(self) -> tuple[Any, ...]:
        return RedisLedger, (self.server,)

    def change(self, name: str, decide: Decide[T]) -> T:
        """Change a state; where somebody was quicker, decide anew."""
        from redis.exceptions import WatchError

        key = f"{PREFIX}:limit:{name}"
        while True:
            with self.server.using() as client, client.pipeline() as pipe:
                try:
                    pipe.watch(key)  # type: ignore[no-untyped-call]
                    state = _state(pipe.get(key))
                    changed, answer = decide(state, lambda: self._clock(client))
                    if changed is not None and changed != state:
                        pipe.multi()
                        pipe.set(key, json.dumps(list(changed)), ex=_kept_s(changed))
                        pipe.execute()
                except WatchError:
                    continue
                return answer

    def read(self, name: str) -> tuple[State | None, Reading]:
        """A state as it is, and what the clock shows."""
        with self.server.using() as client:
            return _state(client.get(f"{PREFIX}:limit:{name}")), self._clock(client)


class RedisAnswers:
    """Answers that are kept for a while, for all replicas."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    def get(self, key: str) -> bytes | None:
        """An answer that is not too old, None without one."""
        with self._server.using() as client:
            found = client.get(f"{PREFIX}:answer:{key}")
        return found if isinstance(found, bytes) else None

    def put(self, key: str, body: bytes, seconds: float) -> None:
        """Keep an answer for so long."""
        with self._server.using() as client:
            client.set(f"{PREFIX}:answer:{key}", body, px=max(1, round(seconds * 1000)))


def _state(raw: Any) -> State | None:
    return State(*json.loads(raw)) if raw else None


def _kept_s(state: State) -> int:
    """How long a state is kept after it was changed: longer than any stop lasts."""
    return (
        KEPT_S + max(0, int(state.until - state.stopped)) + max(0, int(state.next - state.granted))
    )


def _of_server(client: "Redis") -> Reading:
    now: Any = client.time()
    at = now[0] + now[1] / 1e6
    return Reading("redis", at, at)
