"""Which deployments there are on Ray Serve, and how each scales."""

from typing import Any

import pytest

from raymill.config.section import load
from raymill.config.serve import ServeSettings
from raymill.config.services import RouterSettings, ScreenerSettings
from raymill.errors import ConfigError, UnknownName
from raymill.services.hosts.shape import apart, router_options, service_options
from raymill.services.screener import Screener


def settings(**given: Any) -> ServeSettings:
    return ServeSettings(**given)


def test_each_documented_variable_reaches_the_key_that_ray_serve_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "REPLICAS": "2",
        "MIN_REPLICAS": "1",
        "MAX_REPLICAS": "20",
        "MAX_ONGOING_REQUESTS": "150",
        "MAX_QUEUED_REQUESTS": "70",
        "TARGET_REQUESTS": "50",
        "SCALE_UP_DELAY": "5",
        "SCALE_DOWN_DELAY": "40",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"SCREENER_{name}", value)
    made = service_options("screener", load(ScreenerSettings), is_apart=True)
    assert made["name"] == "ScreenerDeployment"
    assert made["max_ongoing_requests"] == 150
    assert made["max_queued_requests"] == 70
    assert made["backpressure_config"] == {"status_code": 429, "retry_after_s": 1.0}
    assert made["autoscaling_config"] == {
        "min_replicas": 1,
        "initial_replicas": 2,
        "max_replicas": 20,
        "target_ongoing_requests": 50.0,
        "upscale_delay_s": 5.0,
        "downscale_delay_s": 40.0,
    }


def test_a_service_inside_of_the_router_has_no_replica_of_its_own() -> None:
    scaling = service_options("screener", ScreenerSettings(), is_apart=False)["autoscaling_config"]
    assert (scaling["min_replicas"], scaling["initial_replicas"]) == (0, 0)


def test_a_service_scales_apart_when_it_is_named_or_its_scaling_is_changed() -> None:
    kinds = {"screener": Screener}
    plain = {"screener": ScreenerSettings()}
    assert apart(kinds, plain, settings()) == []
    assert apart(kinds, plain, settings(apart="screener")) == ["screener"]
    assert apart(kinds, plain, settings(apart="all")) == ["screener"]
    assert apart(kinds, {"screener": ScreenerSettings(max_results=5)}, settings()) == []
    assert apart(kinds, {"screener": ScreenerSettings(replicas=2)}, settings()) == ["screener"]
    with pytest.raises(UnknownName, match="`screner`") as caught:
        apart(kinds, plain, settings(apart="screner"))
    assert "did you mean `screener`" in str(caught.value.hint)


def test_workers_are_as_many_replicas_always() -> None:
    scaling = router_options(RouterSettings(), 2)["autoscaling_config"]
    assert {scaling[f"{name}_replicas"] for name in ("min", "initial", "max")} == {2}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"min_replicas": 3, "max_replicas": 2}, "SCREENER_MAX_REPLICAS"),
        ({"replicas": 11}, "SCREENER_MAX_REPLICAS"),
        ({"max_ongoing_requests": 10}, "SCREENER_TARGET_REQUESTS"),
    ],
)
def test_settings_that_contradict_one_another_are_refused(
    given: dict[str, int], named: str
) -> None:
    with pytest.raises(ConfigError, match=f"`{named}`"):
        service_options("screener", ScreenerSettings(**given), is_apart=True)
