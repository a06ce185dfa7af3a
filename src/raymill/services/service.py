"""What a service is, where services come from, and who calls their methods."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from raymill.config.section import load
from raymill.config.service import ServiceSettings
from raymill.errors import ConfigError
from raymill.flow import registry
from raymill.services.route import route, routes_of


class Model(BaseModel):
    """The base of everything that requests and answers hold: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Status(Model):
    """How a service is; `uptime` in seconds."""

    model_config = ConfigDict(extra="allow", frozen=True)

    service: str
    status: str
    uptime: float


class Service:
    """A service: plain async methods, some of which answer routes under `/api/<name>`.

    Subclasses say `name` and `Settings`, declare methods with `@route`, and say how they are in
    `about`. Nothing that several replicas share may be kept in one: it belongs into a store.
    """

    name: ClassVar[str]
    text: ClassVar[str] = ""
    Settings: ClassVar[type[ServiceSettings]]

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self._begun = time.monotonic()

    @route("GET", "/status", key="data")
    async def status(self) -> Status:
        """Say how the service is, and what it has to do."""
        about = await self.about()
        state = about.pop("status", "healthy")
        uptime = round(time.monotonic() - self._begun, 3)
        return Status(service=self.name, status=state, uptime=uptime, **about)

    async def about(self) -> dict[str, Any]:
        """What else stands in the status. Raises where the service cannot do its work."""
        return {}

    async def close(self) -> None:
        """Let go of stores and connections."""


class Caller(Protocol):
    """Calls a method of a service, wherever that is."""

    async def call(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        """Call it. Raises what the method raises."""

    def iterate(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        """An async iterator over what a method gives that is an async generator."""


class InProcess:
    """Calls services that are in this process."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services

    async def call(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        """Call a method. Raises what it raises."""
        return await getattr(self._services[service], method)(**given)

    def iterate(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        """Iterate over a method that is an async generator."""
        return getattr(self._services[service], method)(**given)

    async def close(self) -> None:
        """Close all services."""
        for one in self._services.values():
            await one.close()


def kinds() -> dict[str, type[Service]]:
    """The classes of all services that are installed, by name. Raises ConfigError."""
    return {name: kind_of(name) for name in registry.names(registry.SERVICES)}


def kind_of(name: str) -> type[Service]:
    """The class of an installed service. Raises UnknownName, ConfigError."""
    found = registry.load(registry.SERVICES, name)
    if not (isinstance(found, type) and issubclass(found, Service)):
        raise ConfigError(
            f"Service `{name}` is no class of `raymill.services.Service`",
            hint="name the class in the entry point: name = 'module:Class'",
        )
    paths = [(one.method, one.path) for one in routes_of(found)]
    if doubled := {one for one in paths if paths.count(one) > 1}:
        method, path = sorted(doubled)[0]
        raise ConfigError(f"Service `{name}` has two routes `{method} {path}`")
    return found


def opened(kind: type[Service]) -> Service:
    """A service with its settings. Raises ConfigError."""
    return kind(load(kind.Settings))
