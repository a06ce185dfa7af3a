"""Calls of routes whose answers may be given again for a while."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter

from raymill import __version__, json
from raymill.errors import StoreError
from raymill.log import get_logger
from raymill.services.route import Made, Route, asked_of, routes_of
from raymill.services.service import Caller, Service
from raymill.state.answers import Answers

log = get_logger()


class Kept:
    """A caller around another one, which gives answers again where their route says so.

    A place for answers that is away is no fault: then they are made anew.
    """

    def __init__(
        self, caller: Caller, kinds: Mapping[str, type[Service]], answers: Answers, place: str
    ) -> None:
        self._caller, self._answers, self._place = caller, answers, place
        self._routes = {
            (name, one.name): (one, TypeAdapter[Any](_given(kind, one)))
            for name, kind in kinds.items()
            for one in routes_of(kind)
            if one.keep_s > 0
        }

    async def call(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        """Call it, or give what it gave a moment ago. Raises what the method raises."""
        found = self._routes.get((service, method))
        if found is None:
            return await self._caller.call(service, method, given)
        return await self._kept(*found, service, given)

    def iterate(self, service: str, method: str, given: Mapping[str, Any]) -> Any:
        """An async iterator over what a method gives that is an async generator."""
        return self._caller.iterate(service, method, given)

    async def _kept(
        self, route: Route, adapter: TypeAdapter[Any], service: str, given: Mapping[str, Any]
    ) -> Made[Any]:
        key = self._key(service, route.name, given)
        try:
            if (body := await asyncio.to_thread(self._answers.get, key)) is not None:
                return Made(body)
        except StoreError as error:
            log.warning("answers.away", reason=error.message)
        value = await self._caller.call(service, route.name, given)
        body = value.body if isinstance(value, Made) else adapter.dump_json(value)
        try:
            await asyncio.to_thread(self._answers.put, key, body, route.keep_s)
        except StoreError as error:
            log.warning("answers.away", reason=error.message)
        return Made(body)

    def _key(self, service: str, method: str, given: Mapping[str, Any]) -> str:
        asked = TypeAdapter(dict[str, Any]).dump_json(dict(sorted(given.items())))
        whole = json.dumps([__version__, self._place, service, method]) + asked
        return hashlib.sha256(whole).hexdigest()


def _given(kind: type[Service], route: Route) -> Any:
    given = asked_of(kind, route).return_annotation
    return get_args(given)[0] if get_origin(given) is Made else given
