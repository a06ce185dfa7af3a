"""What a replica on Ray Serve holds: the whole API, or one service."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from raymill import log
from raymill.config import process, settings
from raymill.errors import ConfigError, RaymillError, unknown
from raymill.flow.registry import locate, reference_to
from raymill.services.api import create_api
from raymill.services.guard import App, Message, Receive, Send
from raymill.services.hosts.handles import Callers, Meaning, Raised
from raymill.services.hosts.orchestrator import supervise
from raymill.services.service import Service, opened
from raymill.state.patience import be_patient

Given = Mapping[str, str]
"""Settings, as variables of the environment."""


class ServiceReplica:
    """One service, called by routers."""

    def __init__(self, reference: str, given: Given) -> None:
        self._given = _Given(given)
        self._kind = kind_at(reference)
        self._service = opened(self._kind)

    async def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        """Take the `settings` of the deployment's `user_config`, without a restart."""
        self._given.change(user_config)
        before, self._service = self._service, opened(self._kind)
        await before.close()

    async def call(self, method: str, given: Mapping[str, Any]) -> Any:
        """Call a method; an error of raymill is given back as a value."""
        be_patient(settings().serve.store_s)
        try:
            return await getattr(self._service, method)(**given)
        except RaymillError as error:
            return Raised(error)

    async def iterate(self, method: str, given: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Iterate over a method; an error of raymill is the last value."""
        be_patient(settings().serve.store_s)
        try:
            async for value in getattr(self._service, method)(**given):
                yield value
        except RaymillError as error:
            yield Raised(error)


class RouterReplica:
    """Answers all requests, which Ray Serve hands on as they come in over HTTP.

    `idle` are deployments that belong to the application and are not called.
    """

    def __init__(
        self,
        references: Mapping[str, str],
        given: Given,
        handles: Mapping[str, Any],
        idle: Iterable[Any],
        meaning: Meaning,
        cluster: Callable[[], Awaitable[str]],
    ) -> None:
        self._given = _Given(given)
        self._kinds = {name: kind_at(one) for name, one in references.items()}
        self._handles, self._meaning, self._cluster = handles, meaning, cluster
        self._open()

    def _open(self) -> None:
        self._callers = Callers(self._kinds, self._handles, self._meaning)
        self._app = create_api(self._kinds, self._callers, settings().serve, cluster=self._cluster)

    async def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        """Take the `settings` of the deployment's `user_config`, without a restart."""
        self._given.change(user_config)
        before = self._callers
        self._open()
        await before.close()

    def __serve_build_asgi_app__(self) -> App:
        return _Door(self)

    async def answer(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)

    async def close(self) -> None:
        """Close the services that are in this process."""
        await self._callers.close()


class _Door:
    """The application that Ray Serve sees; the one behind it changes with the settings."""

    def __init__(self, replica: RouterReplica) -> None:
        self._replica = replica

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._replica.answer(scope, receive, _without_id(scope, send))
            return
        if scope["type"] != "lifespan":
            await self._replica.answer(scope, receive, send)
            return
        await receive()
        watching = asyncio.ensure_future(supervise())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watching.cancel()
        await self._replica.close()
        await send({"type": "lifespan.shutdown.complete"})


def _without_id(scope: MutableMapping[str, Any], send: Send) -> Send:
    """Leave the id of a request out of the answer: Ray Serve adds it again."""
    ids = [pair for pair in scope["headers"] if pair[0] == b"x-request-id"]

    async def send_(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [pair for pair in message["headers"] if pair not in ids]
        await send(message)

    return send_


class _Given:
    """The settings of a replica: those it began with, and those of a `user_config` above them."""

    def __init__(self, given: Given) -> None:
        self._first, self._above = dict(given), dict[str, str]()
        self._take()

    def change(self, user_config: Mapping[str, Any]) -> None:
        """Put other settings above. Raises UnknownName for what is none."""
        if wrong := sorted(set(user_config) - {"settings"}):
            raise unknown("key of `user_config`:", wrong[0], ["settings"])
        process.drop(self._above)
        self._above = {name: str(value) for name, value in user_config["settings"].items()}
        self._take()

    def _take(self) -> None:
        process.take(self._first | self._above)
        log.configure(settings().log.level, settings().log.format)


def reference_of(kind: type[Service]) -> str:
    """How a replica finds the class of a service. Raises ConfigError where it cannot."""
    found = reference_to(kind)
    if found is None:
        raise ConfigError(
            f"Service `{kind.name}` cannot be found by other processes",
            hint="define its class in a module that can be imported",
        )
    return found


def kind_at(reference: str) -> type[Service]:
    """The class of a service. Raises InputError."""
    found: type[Service] = locate(reference)
    return found
