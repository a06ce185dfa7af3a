"""Batches on Ray keep what every pool of them must."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from raymill.engines.ray.batch_pool import RayBatchPool
from raymill.testing.batch_suite import BatchSuite

pytestmark = [pytest.mark.ray, pytest.mark.system]


@pytest.fixture(scope="module")
def pools(ray_cluster: None) -> Iterator[dict[int, RayBatchPool]]:
    """The pools of the suite by size: their actors are started once."""
    found: dict[int, RayBatchPool] = {}
    yield found
    for pool in found.values():
        pool.close()


class TestRayBatchPool(BatchSuite):
    @pytest.fixture(autouse=True)
    def borrow(self, pools: dict[int, RayBatchPool]) -> None:
        self.pools = pools

    @contextmanager
    def lend(self, workers: int) -> Iterator[RayBatchPool]:
        yield self.pools.setdefault(workers, RayBatchPool(workers))

    def test_there_are_as_many_workers_as_the_cluster_has_cpus(self) -> None:
        assert RayBatchPool().size == 4
