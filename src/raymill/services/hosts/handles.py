"""Calls services that have replicas of their own, through handles to their deployments."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raymill.errors import RaymillError, TooBusy
from raymill.log import get_logger
from raymill.services.route import routes_of
from raymill.services.service import InProcess, Service, opened

TRIES = 4
PAUSE_S = 0.25
Meaning = Callable[[str, Exception], RaymillError | None]
"""What an error of the engine means for a service; None if it is none of the engine's own."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Raised:
    """What a service raised, as a value: so it comes through as itself."""

    error: RaymillError


class ByHandle:
    """Calls one service by the handle to its deployment."""

    def __init__(self, kind: type[Service], handle: Any, meaning: Meaning) -> None:
        self._remote = handle.call
        self._iterate = handle.options(stream=True).iterate
        self._meaning = meaning
        self._again = {one.name for one in routes_of(kind) if one.method == "GET"}
        self._begun: dict[str, asyncio.Future[Any]] = {}

    async def call(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        """Call a method; one that only reads is called again where a replica was lost.

        Those who read the same in the same instant share one call, and its answer.
        """
        if given or method not in self._again:
            return await self._called(service, method, given)
        if (one := self._begun.get(method)) is None:
            one = self._begun[method] = asyncio.ensure_future(self._read(service, method))
            one.add_done_callback(_seen)
        return await asyncio.shield(one)

    async def _read(self, service: str, method: str) -> Any:
        del self._begun[method]  # whoever comes from here on sees what is later
        return await self._called(service, method, {})

    async def _called(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        left = TRIES if method in self._again else 1
        while True:
            left -= 1
            try:
                return _given_back(await self._remote.remote(method, given))
            except Exception as error:
                if isinstance(error, RaymillError) or not (known := self._meaning(service, error)):
                    raise
                if not left or isinstance(known, TooBusy):
                    raise known from error
                log.warning("service.called_again", service=service, reason=str(error)[:200])
            await asyncio.sleep(PAUSE_S)

    async def iterate(
        self, service: str, method: str, given: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """Iterate over a method that is an async generator."""
        values = self._iterate.remote(method, given)
        try:
            async for value in values:
                yield _given_back(value)
        except Exception as error:
            if isinstance(error, RaymillError) or not (known := self._meaning(service, error)):
                raise
            raise known from error
        finally:
            values.cancel()


def _seen(one: asyncio.Future[Any]) -> None:
    """An error that nobody waits for any more is none."""
    if not one.cancelled():
        one.exception()


def _given_back(value: Any) -> Any:
    if isinstance(value, Raised):
        raise value.error
    return value


class Callers:
    """Calls each service where it is: in this process, or by its handle."""

    def __init__(
        self, found: Mapping[str, type[Service]], handles: Mapping[str, Any], meaning: Meaning
    ) -> None:
        self._inside = InProcess(
            {name: opened(kind) for name, kind in found.items() if name not in handles}
        )
        self._apart = {
            name: ByHandle(found[name], handle, meaning) for name, handle in handles.items()
        }

    async def call(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        """Call a method. Raises what it raises."""
        return await self._caller(service).call(service, method, given)

    def iterate(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        """Iterate over a method that is an async generator."""
        return self._caller(service).iterate(service, method, given)

    def _caller(self, service: str) -> InProcess | ByHandle:
        return self._apart.get(service) or self._inside

    async def close(self) -> None:
        """Close the services of this process."""
        await self._inside.close()
