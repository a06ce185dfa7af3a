"""The HTTP API: every installed service under `/api/<name>`, and what is known of all of them."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, get_args

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse

from raymill import __version__
from raymill.app.answers import answer_place, store_name
from raymill.app.keys import rate_ledger, stored_keys
from raymill.config.serve import ServeSettings
from raymill.errors import RaymillError, StoreError
from raymill.log import get_logger
from raymill.services import pages
from raymill.services.access import Access
from raymill.services.counts import Counts
from raymill.services.endpoint import plain_routes, refusal, router_of
from raymill.services.guard import REQUEST_ID, App, Guard
from raymill.services.kept import Kept
from raymill.services.plain import Plain, PlainFirst
from raymill.services.problems import Problem, invalid, plain, problem_of, retry_after
from raymill.services.rates import Rates
from raymill.services.route import routes_of
from raymill.services.service import Caller, Service
from raymill.state.keys import Ring

MOST_ERRORS = 20  # of a body that are told: near names take their time
Cluster = Callable[[], Awaitable[str]]
log = get_logger()


async def alone() -> str:
    """How the cluster is where there is none."""
    return "local"


def create_api(
    kinds: Mapping[str, type[Service]],
    caller: Caller,
    settings: ServeSettings,
    *,
    cluster: Cluster = alone,
    lifespan: Any = None,
) -> App:
    """The API as an ASGI application. `cluster` says how the cluster is, and raises if badly."""
    counts = Counts()
    app = FastAPI(
        title="raymill",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.add_exception_handler(RaymillError, _raised)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(OSError, _no_space)
    app.add_exception_handler(Exception, _failed)
    caller = Kept(caller, kinds, answer_place(), store_name())
    plain: dict[str, Plain] = {}
    for name, kind in kinds.items():
        _add_index(app, name, kind)
        app.include_router(router_of(kind, caller, is_simulated=settings.demo))
        plain |= plain_routes(kind, caller, is_simulated=settings.demo)
    _add_whole(app, _Whole(list(kinds), caller, settings, cluster, counts))
    if settings.docs:
        pages.add(app)
    _describe_problems(app)
    answering = PlainFirst(app, plain)
    access = Access(settings, _ring, Rates(rate_ledger, settings.key_rate))
    return _with_origins(Guard(answering, settings, counts, access), settings)


def _ring() -> Ring:
    return Ring(stored_keys().in_force())


def _with_origins(app: App, settings: ServeSettings) -> App:
    """Tell browsers which pages of others may read the answers: by default, none."""
    if not settings.origins:
        return app
    made: Any = CORSMiddleware(
        app,
        allow_origins=settings.origins,
        allow_methods=("GET", "POST", "PUT", "DELETE"),
        allow_headers=("Authorization", "X-API-Key", "Content-Type", "Last-Event-ID"),
        expose_headers=("Location", "Retry-After", "X-Request-ID"),
    )
    return made  # type: ignore[no-any-return]


class _Whole:
    """What is known of all services together."""

    def __init__(
        self,
        names: Sequence[str],
        caller: Caller,
        settings: ServeSettings,
        cluster: Cluster,
        counts: Counts,
    ) -> None:
        self._names, self._caller, self._settings = names, caller, settings
        self._cluster, self._counts = cluster, counts

    async def root(self) -> dict[str, str]:
        """Say that it is there."""
        return {"message": f"raymill {__version__}", "status": "healthy"}

    async def health(self) -> Response:
        """Ask each service how it is; 503 where one cannot do its work."""
        states = await asyncio.gather(*(self._state(name) for name in self._names))
        cluster = await self._cluster_state()
        services = dict(zip(self._names, states, strict=True))
        is_well = all(one == "healthy" for one in services.values()) and cluster != "unreachable"
        body = {
            "status": "healthy" if is_well else "unhealthy",
            "services": services,
            "cluster": cluster,
        }
        return _json(body, 200 if is_well else 503)

    async def _state(self, name: str) -> str:
        try:
            async with asyncio.timeout(self._settings.health_s):
                status = await self._caller.call(name, "status", {})
        except TimeoutError:
            return "unhealthy"
        except RaymillError as error:
            log.warning("service.unhealthy", service=name, reason=error.message)
            return "unhealthy"
        return str(status.status)

    async def _cluster_state(self) -> str:
        try:
            async with asyncio.timeout(self._settings.health_s):
                return await self._cluster()
        except (TimeoutError, RaymillError):
            return "unreachable"

    async def metrics(self) -> Response:
        """The counts of this process, for Prometheus."""
        return Response(self._counts.text(), media_type="text/plain; version=0.0.4")


def _add_whole(app: FastAPI, whole: _Whole) -> None:
    about: dict[str, Any] = {"tags": ["raymill"], "response_model": None}
    app.add_api_route("/", whole.root, operation_id="root", **about)
    ill: dict[int | str, dict[str, Any]] = {
        503: {"description": "A service, or the cluster, cannot do its work"}
    }
    app.add_api_route("/health", whole.health, operation_id="health", responses=ill, **about)
    app.add_api_route("/ready", whole.health, operation_id="ready", responses=ill, **about)
    about |= {"response_class": PlainTextResponse}
    app.add_api_route("/metrics", whole.metrics, operation_id="metrics", **about)


def _add_index(app: FastAPI, name: str, kind: type[Service]) -> None:
    async def index() -> dict[str, Any]:
        """List the routes of the service."""
        routes = [
            {
                "method": "GET" if one.kind != "answer" else one.method,
                "path": f"/api/{name}{one.path}",
                "kind": one.kind,
            }
            for one in routes_of(kind)
        ]
        return {"status": "success", "service": name, "text": kind.text, "routes": routes}

    about: dict[str, Any] = {"tags": [name], "operation_id": f"{name}_index"}
    app.add_api_route(f"/api/{name}/", index, response_model=None, **about)


def _json(body: Any, status: int = 200) -> Response:
    from raymill import json

    return Response(json.dumps(body), status, media_type="application/json")


async def _raised(_: Request, error: Exception) -> Response:
    assert isinstance(error, RaymillError)
    problem = problem_of(error, REQUEST_ID.get())
    if problem.status >= 500:
        log.warning("http.failed", request_id=REQUEST_ID.get(), reason=error.message)
    return refusal(problem, retry_after(error, problem.status))


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[:MOST_ERRORS]
    found = [{**one, "known": one.get("known") or _known(request, one)} for one in first]
    return refusal(invalid(found, REQUEST_ID.get()))


def _known(request: Request, one: Mapping[str, Any]) -> list[str]:
    """The names that an object in the body may have, where one has another."""
    if one["type"] != "extra_forbidden" or one["loc"][:1] != ("body",):
        return []
    field = getattr(request.scope.get("route"), "body_field", None)
    kind = _model(getattr(getattr(field, "field_info", None), "annotation", None))
    for part in one["loc"][1:-1]:
        if kind is not None and part in kind.model_fields:
            kind = _model(kind.model_fields[str(part)].annotation)
    return sorted(kind.model_fields) if kind is not None else []


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation: itself, or what a list or an option holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model(one))), None)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = f"There is no `{request.method} {request.url.path}`"
    hint = "GET /api/<service>/ lists the routes of a service" if error.status_code == 404 else None
    detail = text if error.status_code in (404, 405) else str(error.detail)
    made = refusal(plain(error.status_code, detail, REQUEST_ID.get(), hint))
    for name, value in (error.headers or {}).items():
        made.headers[name] = value
    return made


async def _no_space(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    return await _raised(request, StoreError("No space left", hint="free some, then go on"))


async def _failed(_: Request, error: Exception) -> Response:
    id_ = REQUEST_ID.get()
    return refusal(plain(500, "Something failed inside", id_, f"look for `{id_}` in the log"))


def _describe_problems(app: FastAPI) -> None:
    """Have the description of the API say what problems look like."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        described = made()
        schemas = described.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in schemas:
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {})
            schemas["Problem"] = schema
        return described

    app.openapi = openapi  # type: ignore[method-assign]
