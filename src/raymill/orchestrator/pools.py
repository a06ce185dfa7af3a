"""The pools of an orchestrator by name, each opened when a run first needs it."""

from collections.abc import Callable, Mapping, Sequence

from raymill.flow.pool import Call, Key, Reports, WorkerPool

LOCAL = "local"
ASIDE = "aside"  # endless steps: on the local pool, beside its workers
ENDLESS = 1_000_000  # so many may go on

Make = Callable[[], WorkerPool]


class Pools:
    """Pools of workers, and how many workers of each are idle."""

    def __init__(self, local: WorkerPool, others: Mapping[str, Make]) -> None:
        self._local, self._others = local, others
        self._open: dict[str, WorkerPool] = {}
        self.idle: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """What the engine of a run may be."""
        return [LOCAL, *self._others]

    def open(self, reports: Reports) -> None:
        """Open the local pool; others open when they are needed."""
        self._reports = reports
        self._local.open(reports)
        self._open = {LOCAL: self._local, ASIDE: self._local}
        self.idle = {LOCAL: self._local.size, ASIDE: ENDLESS}

    def workers(self, pool: str) -> int:
        """How many workers of a pool are idle. Raises EngineUnavailable if it cannot be opened."""
        if pool not in self._open:
            made = self._others[pool]()
            made.open(self._reports)
            self._open[pool], self.idle[pool] = made, made.size
        return self.idle[pool]

    def busy(self) -> int:
        """How many workers are not idle."""
        sizes = (
            (name, pool.size if name != ASIDE else ENDLESS) for name, pool in self._open.items()
        )
        return sum(size - self.idle[name] for name, size in sizes)

    def with_idle(self) -> list[str]:
        """The pools that have idle workers."""
        return [name for name, count in self.idle.items() if count]

    def submit(self, pool: str, calls: Sequence[Call]) -> None:
        """Hand calls to a worker of a pool."""
        self._open[pool].submit(calls)

    def cancel(self, pool: str, key: Key) -> None:
        """Stop an attempt."""
        self._open[pool].cancel(key)

    def close(self) -> None:
        """Stop all workers."""
        for name, pool in self._open.items():
            if name != ASIDE:
                pool.close()
