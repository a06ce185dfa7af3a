"""The local pool keeps what every pool must."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from raymill.engines.pool import LocalPool
from raymill.flow.places import workflow_at
from raymill.state.artifacts import Artifacts
from raymill.testing.pool_suite import Hand, PoolSuite, Recorder


@pytest.mark.system
class TestLocalPool(PoolSuite):
    def make(self, folder: Any) -> LocalPool:
        return LocalPool(2, folder, workflow_at)

    @contextmanager
    def lend(self, folder: Any) -> Iterator[Hand]:
        pool, recorder = self.make(folder), Recorder()
        pool.open(recorder)
        try:
            yield Hand(pool, recorder, Artifacts(folder))
        finally:
            pool.close()
