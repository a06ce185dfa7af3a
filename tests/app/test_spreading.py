"""Which engine goes on with how much work."""

import pytest

from raymill import config
from raymill.app.spreading import Spreading, choose
from raymill.engines.batch_pool import LocalBatchPool
from raymill.errors import ConfigError, UnknownName


@pytest.mark.parametrize(
    ("asked", "left_s", "here", "cores", "has_cluster", "chosen"),
    [
        (None, 1.9, 1, 8, True, None),  # over before others would be up
        ("local", 1.9, 1, 8, True, None),
        ("ray", 1.9, 1, 8, True, None),
        (None, 2.0, 1, 8, False, "local"),
        (None, 2.0, 1, 1, False, None),  # there is one core
        (None, 1e6, 8, 8, False, None),  # threads have them all
        ("local", 1e6, 1, 8, True, "local"),
        ("ray", 2.0, 8, 8, False, "ray"),
        (None, 8 * 60, 1, 8, True, "local"),  # a minute on all cores
        (None, 8 * 60 + 1, 1, 8, True, "ray"),
        (None, 8 * 60 + 1, 8, 8, True, "ray"),
    ],
)
def test_the_engine_is_chosen_by_the_work_that_is_left(
    asked: str | None,
    left_s: float,
    here: int,
    cores: int,
    has_cluster: bool,
    chosen: str | None,
) -> None:
    assert choose(asked, left_s, here, cores, has_cluster) == chosen


def test_one_pool_is_given_again_and_again_and_nothing_is_started_before() -> None:
    with Spreading("local", 3) as spreading:
        assert spreading(1.0, 1) is None
        pool = spreading(50.0, 1)
        assert isinstance(pool, LocalBatchPool)
        assert pool.size == 3
        assert spreading(50.0, 1) is pool


def test_no_cluster_is_used_unless_its_address_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with Spreading(None, 2) as spreading:
        assert isinstance(spreading(1e6, 1), LocalBatchPool)
        monkeypatch.setenv("RAYMILL_RAY_ADDRESS", "127.0.0.1:1")
        config.reset()
        monkeypatch.setattr("raymill.app.spreading.find_spec", lambda name: None)
        assert isinstance(spreading(1e6, 1), LocalBatchPool)  # Ray is not installed


def test_what_makes_no_engine_is_refused_at_once() -> None:
    with pytest.raises(UnknownName, match="Unknown engine `loacl`"):
        Spreading("loacl")
    with pytest.raises(ConfigError, match="no number of workers"):
        Spreading(None, 0)
