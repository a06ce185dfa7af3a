"""The pool on Ray keeps what every pool must, and what Ray's faults must not break."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raymill.engines.ray.pool import RayPool
from raymill.state.artifacts import Artifacts
from raymill.testing.pool_suite import Hand, PoolSuite, Recorder, Switch

pytestmark = [
    pytest.mark.ray,
    pytest.mark.system,
    pytest.mark.xdist_group("ray"),
]


@pytest.fixture(scope="session")
def address(ray_cluster: None) -> str:
    """Where the one cluster of the test run is."""
    import ray

    return str(ray.get_runtime_context().gcs_address)


@dataclass
class Shared:
    """One pool for all tests of the suite: reports go to the recorder of the test that goes on."""

    pool: RayPool
    folder: Path
    address: str
    switch: Switch


@pytest.fixture(scope="module")
def shared(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("pool")
    pool = RayPool(folder, workers_min=2, workers_max=2, address=address)
    switch = Switch(Recorder())
    pool.open(switch)
    yield Shared(pool, folder, address, switch)
    pool.close()


class TestRayPool(PoolSuite):
    @pytest.fixture(autouse=True)
    def borrow(self, shared: Shared) -> None:
        self.shared = shared

    def make(self, folder: Any) -> RayPool:
        return RayPool(folder, workers_min=1, workers_max=1, address=self.shared.address)

    @contextmanager
    def lend(self, folder: Any) -> Iterator[Hand]:
        recorder = Recorder()
        self.shared.switch.recorders.append(recorder)
        yield Hand(self.shared.pool, recorder, Artifacts(self.shared.folder))
