"""The record of a sweep: which data, sets and code gave which table, who ran it, how it ended.

Two records whose `id` is equal are of the same sweep; whoever ran it, `table_sha256` is equal too.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from raymill import json
from raymill.errors import Interrupted
from raymill.market.record import about_bars, versions
from raymill.market.sweep.beyond import code_of
from raymill.market.sweep.chunk import Job
from raymill.market.sweep.kept import write
from raymill.market.sweep.run import Sweep
from raymill.market.sweep.space import Sets

FILE = "record.json"
Now = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


def about(name: str, job: Job, sets: Sets, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is asked of a sweep, as JSON values; `files` say where the bars came from."""
    kind = sets.named.kind
    strategy, engine = code_of(sets)
    asked = {
        "strategy": name,
        "class": f"{kind.__module__}:{kind.__qualname__}",
        "sets": {
            "count": len(sets),
            "left_out": len(sets.left_out),
            "varied": sets.varied,
            "sha256": hashlib.sha256(json.dumps(list(sets.values))).hexdigest(),
        },
        "data": [about_bars(one) for one in job.bars],
        "costs": asdict(job.costs),
        "cash": job.cash,
        "seed": job.seed,
        "periods_per_year": job.per_year,
        "code": {"strategy": strategy, "engine": engine},
    }
    number = hashlib.sha256(json.dumps(asked)).hexdigest()[:16]
    return {"id": number, **asked, "files": list(files), "versions": versions()}


class Recording:
    """The record of a sweep on its way; in a folder, it is a file that says where it stands.

    The state is running, completed, stopped or failed. One that was killed stays running until it
    is gone on with.
    """

    def __init__(
        self, about: Mapping[str, Any], folder: Path | None = None, now: Now = _now
    ) -> None:
        self.record: dict[str, Any] = dict(about)
        self._folder, self._now = folder, now

    def ran(self, done: Sweep) -> None:
        """Note who ran all sets, and the hash of what came of them."""
        self.record |= {
            "engine": done.engine,
            "workers": done.workers,
            "table_sha256": hashlib.sha256(done.sums.astype("<f8").tobytes()).hexdigest(),
        }

    def __enter__(self) -> "Recording":
        self._is("running", started=self._now().isoformat(), ended=None, error=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stopped = isinstance(error, Interrupted | KeyboardInterrupt)
        state = "completed" if error is None else "stopped" if stopped else "failed"
        told = None if error is None or stopped else {"type": type(error).__name__}
        if told is not None:
            told["message"] = str(error)
        self._is(state, ended=self._now().isoformat(), error=told)

    def _is(self, state: str, **fields: Any) -> None:
        self.record |= {"state": state, **fields}
        if self._folder is not None:
            write(self._folder / FILE, json.dumps(self.record, indent=True))
