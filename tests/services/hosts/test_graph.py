"""The configuration of Ray Serve: whole, accepted, and refused where a key is unknown."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.running import process
from raymill.config.serve import ServeSettings
from raymill.errors import ConfigError, UnknownName
from raymill.services.hosts.graph import graph
from raymill.services.screener import Screener

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(not find_spec("ray"), reason="needs Ray")


def check(document: Any) -> None:
    from raymill.services.hosts.serve import check_graph

    check_graph(document)


def test_the_committed_configuration_is_one_that_ray_serve_takes() -> None:
    document = yaml.safe_load((ROOT / "deploy" / "serve.yaml").read_text())
    check(document)
    (application,) = document["applications"]
    assert application["import_path"] == "raymill.services.hosts.serve:app"
    names = [one["name"] for one in application["deployments"]]
    assert names[0] == "MainRouterDeployment"
    assert "ScreenerDeployment" in names


@pytest.fixture
def document() -> dict[str, Any]:
    return graph({"screener": Screener}, ServeSettings(apart="screener"), 2)


def options(document: dict[str, Any], at: int) -> dict[str, Any]:
    found: dict[str, Any] = document["applications"][0]["deployments"][at]
    return found


def test_it_holds_workers_and_what_scales_apart(document: dict[str, Any]) -> None:
    check(document)
    assert document["applications"][0]["args"] == {"apart": ["screener"]}
    assert options(document, 0)["autoscaling_config"]["max_replicas"] == 2
    assert options(document, 1)["autoscaling_config"]["min_replicas"] == 1


WRONG: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("scale_up_delay_s", lambda one: options(one, 0)["autoscaling_config"]),
    ("scale_down_delay_s", lambda one: options(one, 1)["autoscaling_config"]),
    ("target_num_ongoing_requests_per_replica", lambda one: options(one, 1)["autoscaling_config"]),
    ("max_concurrent_queries", lambda one: options(one, 1)),
    ("num_cpu", lambda one: options(one, 1)["ray_actor_options"]),
    ("status", lambda one: options(one, 1)["backpressure_config"]),
    ("prot", lambda one: one["http_options"]),
    ("import", lambda one: one["applications"][0]),
    ("application", lambda one: one),
]


@pytest.mark.parametrize(("name", "where"), WRONG, ids=[name for name, _ in WRONG])
def test_an_unknown_key_is_refused_wherever_it_stands(
    document: dict[str, Any], name: str, where: Callable[[dict[str, Any]], Any]
) -> None:
    where(document)[name] = 3
    with pytest.raises(UnknownName, match=f"`{name}`"):
        check(document)


def test_a_value_that_does_not_fit_is_refused(document: dict[str, Any]) -> None:
    options(document, 1)["max_queued_requests"] = "many"
    with pytest.raises(ConfigError, match="max_queued_requests"):
        check(document)
    with pytest.raises(ConfigError, match="no mapping"):
        check(["applications"])


@pytest.mark.system
def test_the_command_writes_a_file_that_it_finds_right(tmp_path: Path) -> None:
    done = process(tmp_path, "serve", "--write", "serve.yaml", "--workers", "2")
    assert done.returncode == 0, done.stderr
    done = process(tmp_path, "serve", "--check", "serve.yaml")
    assert (done.returncode, done.stderr) == (0, b"serve.yaml fits\n")
    path = tmp_path / "serve.yaml"
    path.write_text(path.read_text().replace("upscale_delay_s", "scale_up_delay_s"))
    done = process(tmp_path, "serve", "--check", "serve.yaml")
    assert done.returncode == 2
    assert b"Unknown key of deployment `MainRouterDeployment`: `scale_up_delay_s`" in done.stderr


def test_the_application_of_the_file_is_the_router_with_its_services() -> None:
    from raymill.services.hosts.serve import app

    made = app({"apart": ["screener"], "workers": 2})
    assert made._bound_deployment.name == "MainRouterDeployment"
    references, _, called, idle, *_ = made._bound_deployment.init_args
    assert [one._bound_deployment.name for one in called.values()] == ["ScreenerDeployment"]
    assert len(called) + len(idle) == len(references)
    with pytest.raises(UnknownName, match="`aprat`"):
        app({"aprat": ["screener"]})
    with pytest.raises(UnknownName, match="`screner`"):
        app({"apart": ["screner"]})
