"""Batches in processes of this machine keep what every pool of them must."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from raymill.engines.batch_pool import LocalBatchPool
from raymill.engines.mapped import lay_out, look_at
from raymill.errors import ConfigError, EngineError
from raymill.flow.batches import place_of
from raymill.testing.batch_suite import BatchSuite, double, run


@pytest.fixture(scope="module")
def pools() -> Iterator[dict[int, LocalBatchPool]]:
    """The pools of the suite by size: each is started once."""
    found: dict[int, LocalBatchPool] = {}
    yield found
    for pool in found.values():
        pool.close()


@pytest.mark.system
class TestLocalBatchPool(BatchSuite):
    @pytest.fixture(autouse=True)
    def borrow(self, pools: dict[int, LocalBatchPool]) -> None:
        self.pools = pools

    @contextmanager
    def lend(self, workers: int) -> Iterator[LocalBatchPool]:
        yield self.pools.setdefault(workers, LocalBatchPool(workers))

    def test_workers_that_cannot_start_are_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("raymill.engines.batch_pool.CODE", "raise SystemExit(7)")
        pool = LocalBatchPool(2)
        with pytest.raises(EngineError, match="ended with code 7"):
            run(pool, double, [1])
        pool.close()

    def test_workers_end_with_the_process_that_started_them(self) -> None:
        code = (
            "from raymill.engines.batch_pool import LocalBatchPool\n"
            "from raymill.testing.batch_suite import number_of_process, run\n"
            "import os, signal\n"
            "pool = LocalBatchPool(1)\n"
            "print(run(pool, number_of_process, [0]).answers[0].value, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert done.returncode == -9
        try:
            process = os.pidfd_open(int(done.stdout))
        except ProcessLookupError:
            return
        assert select.select([process], [], [], 60)[0], "the worker is left behind"
        os.close(process)


def test_a_value_is_laid_out_once_and_its_arrays_are_not_copied() -> None:
    value = {"a": np.arange(5.0), "b": (np.ones((2, 3), np.int8), "text"), "none": np.empty(0)}
    handle = lay_out(value)
    try:
        found, again = look_at(handle), look_at(handle)
    finally:
        os.close(handle)
    assert found["a"].tolist() == again["a"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert found["b"][0].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert (found["b"][1], len(found["none"])) == ("text", 0)
    assert not found["a"].flags.owndata
    assert not found["a"].flags.writeable
    assert found["a"].ctypes.data % 64 == 0


def test_what_cannot_travel_is_refused() -> None:
    with pytest.raises(ConfigError, match="`list` cannot be handed to other processes"):
        lay_out([lambda: None])
    mine = type("Mine", (), {"__module__": "__main__"})
    with pytest.raises(ConfigError, match="`Mine` lies in no module"):
        lay_out([mine])
    with pytest.raises(ConfigError, match="Other processes cannot find"):
        place_of(lambda: None)
