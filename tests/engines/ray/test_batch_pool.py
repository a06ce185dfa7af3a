"""Batches on Ray keep what every pool of them must."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from raymill.engines.ray.batch_pool import RayBatchPool
from raymill.errors import ConfigError, EngineError
from raymill.testing.batch_suite import BatchSuite, double, run

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

    def test_a_node_with_another_interpreter_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = "raymill.engines.ray.batch_pool.whoami"
        monkeypatch.setattr(here, lambda: "raymill 0.0, Python 2.7, numpy 1.0")
        pool = RayBatchPool(1)
        with pytest.raises(EngineError, match=r"the driver raymill 0\.0, Python 2\.7"):
            run(pool, double, [1])
        pool.close()

    def test_what_cannot_travel_is_refused(self) -> None:
        with self.lend(1) as pool, pytest.raises(ConfigError, match="`generator` cannot be handed"):
            pool.put(number for number in range(3))

    def test_a_found_cluster_is_never_joined(self) -> None:
        with pytest.raises(ConfigError, match="`auto` joins whatever cluster is found"):
            RayBatchPool(1, "auto")
