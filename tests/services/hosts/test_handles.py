"""Calls by handle: errors as themselves, reads again where a replica was lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from raymill.errors import EngineUnavailable, NotFound, RaymillError, TooBusy
from raymill.services import Event
from raymill.services.hosts import handles
from raymill.services.hosts.handles import ByHandle
from raymill.services.hosts.replicas import ServiceReplica
from services.echo import Echo, Said


class Lost(Exception):
    """What an engine raises when a replica is gone."""


class Full(Exception):
    """What an engine raises when too many wait."""


def meaning(service: str, error: Exception) -> RaymillError | None:
    kinds: dict[type, RaymillError] = {
        Lost: EngineUnavailable(f"`{service}` is away"),
        Full: TooBusy("Too many", retry_after_s=1),
    }
    return kinds.get(type(error))


class Remote:
    """A method of a handle; what it is asked first fails as told."""

    def __init__(self, method: Callable[..., Any], failures: list[Exception]) -> None:
        self._method, self._failures = method, failures
        self.calls = 0

    def remote(self, *given: Any) -> Any:
        self.calls += 1
        if self._failures:
            return _fail(self._failures.pop(0))
        made = self._method(*given)
        return made if isinstance(made, Awaitable) else Values(made)


async def _fail(error: Exception) -> None:
    raise error


class Values:
    """A stream of values that can be cancelled."""

    def __init__(self, values: AsyncIterator[Any]) -> None:
        self._values = values
        self.is_cancelled = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._values

    def cancel(self) -> None:
        self.is_cancelled = True


class Handle:
    """A handle to one replica, in this process."""

    def __init__(self, *failures: Exception) -> None:
        replica = ServiceReplica("services.echo:Echo", {})
        self.call = Remote(replica.call, list(failures))
        self.iterate = Remote(replica.iterate, [])

    def options(self, stream: bool) -> "Handle":
        assert stream
        return self


def called(handle: Handle, method: str, **given: Any) -> Any:
    return asyncio.run(ByHandle(Echo, handle, meaning).call("echo", method, given))


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "PAUSE_S", 0.0)


def test_an_answer_and_an_error_come_through_as_themselves() -> None:
    assert called(Handle(), "thing", id="a", size=2) == {"id": "a", "size": 2}
    with pytest.raises(NotFound, match="`none`") as caught:
        called(Handle(), "thing", id="none")
    assert caught.value.hint == "GET /api/echo/things"


def test_what_is_no_error_of_raymill_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="secret"):
        called(Handle(), "thing", id="broken")


def test_a_read_is_asked_again_where_a_replica_was_lost() -> None:
    handle = Handle(Lost(), Lost())
    assert called(handle, "thing", id="a") == {"id": "a", "size": 1}
    assert handle.call.calls == 3
    handle = Handle(*[Lost()] * 9)
    with pytest.raises(EngineUnavailable, match="`echo` is away"):
        called(handle, "thing", id="a")
    assert handle.call.calls == handles.TRIES


def test_those_who_read_the_same_in_one_instant_share_a_call() -> None:
    handle = Handle()
    caller = ByHandle(Echo, handle, meaning)

    async def asked() -> list[Any]:
        first = await asyncio.gather(*(caller.call("echo", "size", {}) for _ in range(5)))
        return [*first, await caller.call("echo", "size", {})]

    assert asyncio.run(asked()) == [3] * 6
    assert handle.call.calls == 2


def test_one_who_goes_away_takes_no_answer_from_the_others() -> None:
    caller = ByHandle(Echo, Handle(), meaning)

    async def asked() -> Any:
        first, second = (asyncio.ensure_future(caller.call("echo", "size", {})) for _ in "ab")
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(asked()) == 3


def test_reads_with_parameters_and_writes_are_calls_of_their_own() -> None:
    handle = Handle()
    caller = ByHandle(Echo, handle, meaning)

    async def asked() -> list[Any]:
        reads = (caller.call("echo", "thing", {"id": one}) for one in "ab")
        write = caller.call("echo", "say", {"body": Said(text="a")})
        return await asyncio.gather(*reads, write)

    assert [thing["id"] for thing in asyncio.run(asked())[:2]] == ["a", "b"]
    assert handle.call.calls == 3


def test_a_write_is_never_asked_twice() -> None:
    handle = Handle(Lost())
    with pytest.raises(EngineUnavailable):
        called(handle, "say", body=Said(text="a"))
    assert handle.call.calls == 1


def test_a_service_that_is_full_is_not_asked_again() -> None:
    handle = Handle(Full())
    with pytest.raises(TooBusy):
        called(handle, "thing", id="a")
    assert handle.call.calls == 1


def test_a_stream_ends_with_its_values_or_its_error() -> None:
    caller = ByHandle(Echo, Handle(), meaning)

    async def all_of(to: int) -> list[Any]:
        return [value async for value in caller.iterate("echo", "counted", {"to": to})]

    assert asyncio.run(all_of(1)) == [Event("1", {"number": 1}, "number")]
    with pytest.raises(NotFound):
        asyncio.run(all_of(-1))
