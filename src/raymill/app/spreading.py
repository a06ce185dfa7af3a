"""Whether work leaves this process, and for which engine's workers: by how much of it there is."""

import os
from importlib.util import find_spec
from types import TracebackType

from raymill.config import settings
from raymill.errors import ConfigError
from raymill.flow.batches import BatchPool
from raymill.flow.registry import BATCHES, load

SHORT_S = 2.0  # of work: no process that is started for less would be of use
LONG_S = 60.0  # on all cores here: below that, the start of workers on a cluster is not worth it


def batch_pool(engine: str, workers: int | None = None) -> BatchPool:
    """The pool of an engine. Raises UnknownName with near matches, EngineUnavailable."""
    made: BatchPool = load(BATCHES, engine)(workers)
    return made


def choose(
    engine: str | None, left_s: float, here: int, cores: int, has_cluster: bool
) -> str | None:
    """The engine that goes on; None for this process.

    engine: which one was asked for; left_s: for one core; here: how many cores this process uses.

    >>> choose(None, 1.5, 1, 8, False), choose(None, 30, 1, 8, False), choose(None, 900, 8, 8, True)
    (None, 'local', 'ray')
    """
    if left_s < SHORT_S:
        return None
    if engine not in (None, "local"):
        return engine
    if engine is None and has_cluster and left_s / max(here, cores) > LONG_S:
        return "ray"
    return "local" if cores > here else None


class Spreading:
    """Gives a pool to whoever says how much work is left; the same one again and again.

    Raises UnknownName, EngineUnavailable at once if the engine that is asked for is not there.
    """

    def __init__(self, engine: str | None = None, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ConfigError(
                f"`--workers {workers}` is no number of workers", hint="use 1 or more"
            )
        self._engine, self._workers = engine, workers
        self._pools: dict[str, BatchPool] = {}
        if engine is not None:
            self._pool(engine)

    def __call__(self, left_s: float, here: int) -> BatchPool | None:
        """The pool to go on with, None for this process."""
        cores = self._workers or len(os.sched_getaffinity(0))
        has_cluster = settings().ray.address is not None and find_spec("ray") is not None
        chosen = choose(self._engine, left_s, here, cores, has_cluster)
        return None if chosen is None else self._pool(chosen)

    def _pool(self, name: str) -> BatchPool:
        if name not in self._pools:
            self._pools[name] = batch_pool(name, self._workers)
        return self._pools[name]

    def __enter__(self) -> "Spreading":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all workers."""
        for pool in self._pools.values():
            pool.close()
