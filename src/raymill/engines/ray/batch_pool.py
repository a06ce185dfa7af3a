"""Batches on Ray: actors that have a value from the object store, and get a batch at a time."""

import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from raymill.config import settings
from raymill.config.process import given_on
from raymill.engines.answers import received
from raymill.engines.batch_books import Batch, BatchBooks
from raymill.engines.ray.batch_worker import RayBatchWorker, whoami
from raymill.engines.ray.cluster import Connection, import_ray
from raymill.errors import ConfigError, EngineError, EngineUnavailable, RaymillError
from raymill.flow.batches import Ended

ROOM_S = 120.0  # for the cluster to give room to the first worker


@dataclass(eq=False, slots=True)
class Worker:
    """An actor, as the pool sees it: `waits_for` is the end of what it is at."""

    number: int
    actor: Any
    waits_for: Any
    is_up: bool = False
    hand: Batch | None = None

    @property
    def name(self) -> str:
        """What results call it."""
        return f"ray-{self.number}"


class RayBatchPool:
    """Calls functions on actors: of an isolated cluster of its own, or of the one at an address.

    Ray tries nothing again; what is lost is told. Nothing is connected before there is work.

    workers: how many actors at most; as many as the cluster has CPUs unless given.
    """

    name = "ray"

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        self._address = _checked(address or settings().ray.address)
        self._wanted = workers
        self._connection = Connection()
        self._ray: Any = None
        self._books: BatchBooks[Worker] = BatchBooks()
        self._references: dict[int, Any] = {}
        self._started = 0
        self._empty_since: float | None = None

    @property
    def size(self) -> int:
        """How many workers there are at most."""
        if self._wanted is None:
            self._wanted = max(1, int(self._connected().cluster_resources().get("CPU", 1.0)))
        return self._wanted

    def put(self, value: Any) -> int:
        """Put a value into the object store. Raises ConfigError."""
        ray = self._connected()
        held = self._books.next_number()
        try:
            self._references[held] = ray.put(value)
        except TypeError as error:  # of pickle
            raise ConfigError(
                f"`{type(value).__name__}` cannot be handed to other processes: "
                f"{str(error).splitlines()[0]}",
                hint="put what it is made of into a module or a file, at the top level",
            ) from error
        return held

    def drop(self, held: int) -> None:
        """Let go of a value that no batch needs any more."""
        del self._references[held]
        for worker in self._books.workers:
            worker.actor.drop.remote(held)

    def submit(self, place: str, items: Sequence[Any], held: int | None = None) -> int:
        """Have the function at a place called with each item."""
        number = self._books.wait(place, items, held)
        self._assign()
        return number

    def results(self, patience_s: float) -> list[Ended]:
        """What has ended since it was last asked. Raises EngineError, EngineUnavailable."""
        until = time.monotonic() + patience_s
        while self._books.is_awaited:
            self._assign()
            busy = {one.waits_for: one for one in self._books.workers if one.waits_for is not None}
            left = max(0.0, until - time.monotonic())
            ready, _ = self._ray.wait(list(busy), num_returns=1, timeout=left)
            for reference in ready:
                self._take(busy[reference])
            self._check_room()
            if not ready and time.monotonic() >= until:
                break
        self._assign()
        return self._books.ended()

    def cancel(self, batch: int) -> None:
        """Take a batch back; an actor that is at it is killed."""
        if (worker := self._books.cancelled(batch)) is not None:
            self._part(worker)

    def close(self) -> None:
        """Kill all actors, and disconnect if this pool connected."""
        for worker in self._books.closed():
            self._part(worker)
        self._references.clear()
        self._connection.close()
        self._ray = None

    # Its workers

    def _connected(self) -> Any:
        if self._ray is None:
            self._ray = import_ray()
            self._connection.open(self._address)
        return self._ray

    def _assign(self) -> None:
        """Give what waits to actors that are idle, and start those that are missing."""
        for worker, batch in self._books.given():
            self._give(worker, batch)
        for _ in range(self._books.missing(self.size)):
            self._start()

    def _start(self) -> None:
        ray = self._connected()
        cores = float(ray.cluster_resources().get("CPU", 1.0))
        remote = ray.remote(RayBatchWorker)
        share = min(1.0, cores / self.size)
        actor = remote.options(num_cpus=share, max_restarts=0, max_task_retries=0).remote()
        about = {
            "settings": given_on(),
            "folder": os.getcwd(),
            "paths": [os.path.abspath(path) for path in sys.path],
        }
        joins = actor.join.remote(whoami(), about)
        self._started += 1
        self._books.workers.append(Worker(self._started, actor, joins))

    def _give(self, worker: Worker, batch: Batch) -> None:
        # A reference inside a list is handed on as it is: the actor asks for the value once.
        references = [] if batch.held is None else [self._references[batch.held]]
        worker.waits_for = worker.actor.answer.remote(
            batch.place, batch.items, batch.held, references
        )

    def _take(self, worker: Worker) -> None:
        """Take what an actor has ended, or learn that it is gone."""
        reference, worker.waits_for = worker.waits_for, None
        try:
            found = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            if isinstance(cause := getattr(error, "cause", None), RaymillError):
                raise cause from None
            self._gone(worker, str(error).splitlines()[0])
            return
        if worker.hand is None:
            self._books.up(worker)
            return
        sent, seconds = found
        self._books.done(worker, received(sent), seconds)

    def _gone(self, worker: Worker, reason: str) -> None:
        self._part(worker)
        if self._books.lost(worker, reason):
            raise EngineError(
                f"No worker starts on the cluster: {reason}",
                hint="see the logs of Ray on its nodes",
            )

    def _check_room(self) -> None:
        """Raise EngineUnavailable where the cluster has no room for a single worker."""
        now = time.monotonic()
        workers = self._books.workers
        if not workers or any(one.is_up for one in workers):
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = now
        elif now - self._empty_since > ROOM_S:
            raise EngineUnavailable(
                f"The cluster gave no room for a worker within {ROOM_S:g} s",
                hint="use more nodes, or wait until others have left",
            )

    def _part(self, worker: Worker) -> None:
        if self._ray.is_initialized():  # the host may have left before
            self._ray.kill(worker.actor)


def _checked(address: str | None) -> str | None:
    if importlib.util.find_spec("ray") is None:
        raise EngineUnavailable("Engine `ray` is not installed", hint="pip install 'raymill[ray]'")
    if address == "auto":
        raise ConfigError(
            "Address `auto` joins whatever cluster is found", hint="name the address of the cluster"
        )
    return address
