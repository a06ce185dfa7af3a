"""The actor of a worker of batches."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from raymill import __version__, log
from raymill.config.process import take
from raymill.engines.answers import answer, failed
from raymill.engines.work import interpreter
from raymill.errors import EngineError


class RayBatchWorker:
    """Answers batches, one after the other."""

    def __init__(self) -> None:
        self._held: dict[int, Any] = {}

    def join(self, driver: str, about: Mapping[str, Any]) -> None:
        """Learn where code lies, and which settings hold. Raises EngineError."""
        here = whoami()
        if here != driver:
            raise EngineError(
                f"A worker runs {here}, the driver {driver}",
                hint="use one environment on all nodes: the bytes agree for one version only",
            )
        take(about["settings"])
        with suppress(OSError):
            os.chdir(about["folder"])
        sys.path += [p for p in about["paths"] if p not in sys.path and os.path.isdir(p)]
        log.keep_standard()

    def drop(self, held: int) -> None:
        """Forget a value."""
        self._held.pop(held, None)

    def answer(
        self, place: str, items: Sequence[Any], held: int | None, references: Sequence[Any]
    ) -> Any:
        """The answers of a batch, and how long they took."""
        try:
            given = () if held is None else (self._look(held, references),)
        except BaseException as error:
            return [tuple(failed(error))] * len(items), 0.0
        sent, seconds = answer(place, items, *given)
        return [tuple(one) for one in sent], seconds

    def _look(self, held: int, references: Sequence[Any]) -> Any:
        """The value; its arrays lie in the store of this node, for all of its workers."""
        if held not in self._held:
            import ray

            (self._held[held],) = ray.get(list(references))
        return self._held[held]


def whoami() -> str:
    """What must be the same in all processes for the bytes to agree."""
    return f"raymill {__version__}, {interpreter()}"
