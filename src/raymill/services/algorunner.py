"""The runner of strategies as a service: executions that are started, followed, stopped, kept."""

import asyncio
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from raymill import json
from raymill.app.market.executions import Executions
from raymill.app.market.made import shown
from raymill.app.market.request import Request
from raymill.app.market.vendors import source_that_has
from raymill.app.strategies import about as about_strategy
from raymill.app.strategies import listed
from raymill.app.workflows import Workflows
from raymill.config import settings
from raymill.config.service import ServiceSettings
from raymill.config.services import AlgorunnerSettings
from raymill.errors import (
    ConfigError,
    Conflict,
    InputError,
    NotFound,
    NotStored,
    RaymillError,
    unknown,
)
from raymill.flow.registry import STRATEGIES, names
from raymill.market.executions import Execution, State
from raymill.services.glance import Glance
from raymill.services.models.algorunner import (
    AlgorithmAbout,
    BacktestRequest,
    ExecutionAbout,
    ExecutionList,
    ParameterAbout,
    Ran,
    RunRequest,
    Stopped,
    StopRequest,
    SweepRequest,
)
from raymill.services.route import Event, Reply, route
from raymill.services.runs import Seen, accepted, changes, settled, wait_of
from raymill.services.service import Service
from raymill.state.per_process import PerProcess

T = TypeVar("T")
EXECUTIONS = "/api/algorunner/executions"
STOP_S = 15.0  # in which a run that is stopped ends, unless a request says another time
ORDER: tuple[State, ...] = ("queued", "running", "stopping")
Most = Annotated[int, Field(ge=1, le=1000)]
Points = Annotated[int, Field(ge=1, le=10_000)]
Id = Annotated[str, Field(max_length=64)]


class Algorunner(Service):
    """Runs strategies over stored bars and quotes, in the background."""

    name: ClassVar[str] = "algorunner"
    text: ClassVar[str] = "Runs strategies over stored bars, keeps what came of them"
    Settings: ClassVar[type[ServiceSettings]] = AlgorunnerSettings

    def __init__(self, settings_: AlgorunnerSettings) -> None:
        super().__init__(settings_)
        self._chosen = settings_
        self._opened = PerProcess(Workflows)
        self._glance = Glance(self._counted, settings().serve.glance_s)

    @property
    def _workflows(self) -> Workflows:
        return self._opened.get()

    @property
    def _executions(self) -> Executions:
        return Executions(self._workflows)

    async def close(self) -> None:
        """Let go of the store."""
        if (opened := self._opened.pop()) is not None:
            opened.close()

    async def about(self) -> dict[str, Any]:
        """What else stands in the status."""
        return dict(await self._glance.now())

    def _counted(self) -> dict[str, Any]:
        counts = self._executions.counts()
        return {
            "running_algorithms": counts["running"],
            "queued_algorithms": counts["queued"],
            "total_executions": sum(counts.values()),
            "available_algorithms": len(names(STRATEGIES)),
        }

    @route("GET", "/algorithms", key="algorithms")
    async def algorithms(self) -> list[AlgorithmAbout]:
        """List the strategies that can be run, with their parameters."""
        return list(await asyncio.to_thread(_algorithms))

    @route("POST", "/run", status=202, others=(200,))
    async def run(self, body: RunRequest, wait: float | None = None) -> Reply[Ran]:
        """Run a strategy in the background; `wait` gives what came of it, if it ends in so long."""
        return await self._run(body, wait)

    @route("POST", "/backtest", status=202, others=(200,))
    async def backtest(self, body: BacktestRequest, wait: float | None = None) -> Reply[Ran]:
        """Run a strategy over stored bars in the background, as `raymill backtest` does."""
        return await self._run(body, wait)

    @route("POST", "/sweep", status=202, others=(200,))
    async def sweep(self, body: SweepRequest, wait: float | None = None) -> Reply[Ran]:
        """Run a strategy with many parameter sets in the background; its result has the best."""
        return await self._run(body.request(), wait)

    async def _run(self, body: Request, wait: float | None) -> Reply[Ran]:
        wait_s = wait_of(wait, 0.0)
        started = await asyncio.to_thread(self._start, body)
        now = self._standing(started)
        seen = await settled(lambda: self._seen(started.execution_id), wait_s, now)
        if seen.value.state in ("failed", "stopped"):
            raise _failure(seen.value)
        made = await asyncio.to_thread(self._ran, seen.value, POINTS)
        path = f"{EXECUTIONS}/{started.execution_id}"
        return Reply(made, 200) if seen.is_over else accepted(made, path)

    def _start(self, body: Request) -> Execution:
        if body.algorithm_id not in names(STRATEGIES):
            raise unknown("algorithm", body.algorithm_id, names(STRATEGIES), kind=NotFound)
        try:
            given = body.model_dump(exclude_defaults=True)
            return self._executions.start(given, most=self._chosen.max_concurrent)
        except NotStored as error:
            raise _to_crawl(error, body) from None
        except ConfigError as error:
            raise _located(error) from None

    @route("GET", "/executions")
    async def executions(
        self,
        algorithm_id: Annotated[str | None, Field(max_length=200)] = None,
        state: State | None = None,
        before: Id | None = None,
        limit: Most = 50,
    ) -> ExecutionList:
        """List executions, the newest first; `before` is the last one of the page before."""

        def look() -> ExecutionList:
            known = self._executions
            found = known.ls(algorithm_id=algorithm_id, state=state, before=before, most=limit)
            last = found[-1].execution_id if len(found) == limit else None
            counts = {str(name): count for name, count in known.counts().items()}
            rows = [ExecutionAbout(**_about(one)) for one in found]
            return ExecutionList(executions=rows, counts=counts, next_before=last)

        return await asyncio.to_thread(look)

    @route("GET", "/executions/{execution_id}")
    async def execution(self, execution_id: str, points: Points = 1000) -> Ran:
        """Show an execution with its trades and equity; so many rows of each, at most."""
        return await asyncio.to_thread(
            lambda: self._ran(self._executions.standing(execution_id), points)
        )

    @route("GET", "/executions/{execution_id}/events", kind="events")
    async def execution_events(
        self, execution_id: str, last_event_id: str | None = None
    ) -> AsyncIterator[Event]:
        """Follow an execution until it has ended."""

        def look() -> Seen[Any]:
            seen = self._seen(execution_id)
            return Seen(seen.number, _about(seen.value), seen.is_over)

        async for event in changes(look, last_event_id):
            yield event

    @route("POST", "/stop")
    async def stop(self, body: StopRequest, wait: float | None = None) -> Stopped:
        """Stop an execution, or all of a strategy; what has been stopped stays so."""
        wait_s = wait_of(wait, STOP_S)
        if body.execution_id is not None:
            return await self._stop_one(body.execution_id, wait_s)
        algorithm = body.algorithm_id or ""
        if algorithm not in names(STRATEGIES):
            raise unknown("algorithm", algorithm, names(STRATEGIES), kind=NotFound)
        asked = await asyncio.to_thread(lambda: self._executions.stop_all(algorithm, wait_s=0.0))
        ids = [one.execution_id for one in asked]

        def look() -> Seen[None]:
            return Seen(0, None, all(self._executions.standing(one).is_over for one in ids))

        is_over = (await settled(look, wait_s)).is_over
        return Stopped(
            execution_id=ids[0] if len(ids) == 1 else None,
            algorithm_id=algorithm,
            status="stopped" if is_over else "stopping",
            message=f"Stopped {len(ids)} executions of `{algorithm}`",
            executions=ids,
        )

    @route("POST", "/executions/{execution_id}/stop")
    async def stop_execution(self, execution_id: str, wait: float | None = None) -> Stopped:
        """Stop an execution; one that has been stopped stays so."""
        return await self._stop_one(execution_id, wait_of(wait, STOP_S))

    async def _stop_one(self, execution_id: str, wait_s: float) -> Stopped:
        def ask() -> Execution:
            return self._executions.stop(execution_id, wait_s=0.0)

        now = await asyncio.to_thread(ask)
        ended = now if now.is_over else await self._ended(execution_id, wait_s)
        if ended.state in ("completed", "failed"):
            raise Conflict(f"Execution `{execution_id}` has {ended.state} already")
        return Stopped(
            execution_id=execution_id,
            algorithm_id=ended.algorithm_id,
            status=ended.state,
            message=f"Execution `{execution_id}` is {ended.state}",
            executions=[execution_id],
        )

    async def _ended(self, execution_id: str, wait_s: float) -> Execution:
        return (await settled(lambda: self._seen(execution_id), wait_s)).value

    def _seen(self, execution_id: str) -> Seen[Execution]:
        return self._standing(self._executions.standing(execution_id))

    def _standing(self, now: Execution) -> Seen[Execution]:
        order = len(ORDER) if now.is_over else ORDER.index(now.state)
        return Seen(order * 100_000 + round(now.progress * 10_000), now, now.is_over)

    def _ran(self, now: Execution, points: int) -> Ran:
        result = None
        if now.state == "completed":
            result = self._executions.result(now.execution_id).to_dict(points)
        return Ran(**_about(now), result=result)


POINTS = 1000
FIRST = "2020-01-01"


def _about(one: Execution) -> dict[str, Any]:
    given = shown(one)
    return {
        name: given.pop(there)
        for name, there in (*((n, n) for n in _SAME), ("status", "state"), ("metrics", "figures"))
    }


_SAME = (
    *("execution_id", "algorithm_id", "progress", "engine", "created", "started", "ended"),
    *("asked", "error"),
)


def _failure(one: Execution) -> RaymillError:
    """Why an execution that was waited for gave nothing."""
    about = {"execution_id": one.execution_id}
    if one.state == "stopped":
        return Conflict(f"Execution `{one.execution_id}` was stopped", **about)
    told = one.error or {}
    reason = told.get("message") or "no reason was recorded"
    hint = told.get("hint") or f"GET {EXECUTIONS}/{one.execution_id}"
    return InputError(f"Execution `{one.execution_id}` failed: {reason}", hint=hint, **about)


def _to_crawl(error: NotStored, body: Request) -> NotStored:
    """The error that something is not stored, with the crawl that has to be done first."""
    symbol = error.details.get("symbol")
    source = body.sources[0] if len(body.sources) == 1 else source_that_has(str(symbol))
    if symbol is None or source is None or "interval" not in error.details:
        return error
    crawl = {"source_id": source, "symbols": [symbol], "data_type": "ohlc"}
    crawl |= {"interval": error.details["interval"], "start_date": body.start or FIRST}
    error.hint = f"POST /api/tickscrawler/crawl {json.dumps(crawl).decode()}"
    return error


def _located(error: ConfigError) -> ConfigError:
    """An error with the path of the field: parameters of a strategy lie in `parameters`."""
    name = error.details.get("parameter")
    if "path" not in error.details and name is not None:
        error.details["path"] = f"parameters.{name}"
    return error


@lru_cache(maxsize=1)
def _algorithms() -> tuple[AlgorithmAbout, ...]:
    return tuple(_algorithm(one.name) for one in listed() if one.kind)


def _algorithm(name: str) -> AlgorithmAbout:
    found = about_strategy(name).to_dict()
    return AlgorithmAbout(
        id=name,
        name=name.replace("_", " ").capitalize(),
        description=found["description"],
        kind=found["kind"],
        how=found["how"],
        parameters=[ParameterAbout.model_validate(one) for one in found["parameters"]],
    )
