"""How the older system was connected to Ray: presets, variables, and what goes wrong."""

import subprocess
import sys

import pytest

from raymill import config
from raymill.compat import (
    DEVELOPMENT_CONFIG,
    PRODUCTION_CONFIG,
    get_cluster_info,
    get_ray_config,
    initialize_ray,
)
from raymill.compat.actors import engine_here, here
from raymill.engines.ray.cluster import start
from raymill.errors import ConfigError

LOADS = """
import sys
import raymill, raymill.compat
from raymill.compat import *
print("ray" in sys.modules)
"""
GB = 1024 * 1024 * 1024


class Host:
    """Ray as `start` sees it: which way it was told to begin."""

    def __init__(self) -> None:
        self.told: dict[str, object] = {}

    def init(
        self,
        address: str,
        num_cpus: int | None = None,
        num_gpus: int | None = None,
        object_store_memory: int | None = None,
        include_dashboard: bool | None = None,
        dashboard_host: str = "127.0.0.1",
        dashboard_port: int | None = None,
        logging_level: str = "",
        log_to_driver: bool = True,
        namespace: str = "",
        runtime_env: object = None,
        **kwargs: object,
    ) -> None:
        given = dict(locals())
        del given["self"]
        self.told = given.pop("kwargs") | given


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.mark.system
def test_the_names_are_there_without_loading_ray() -> None:
    done = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import raymill.compat as door

    with pytest.raises(AttributeError, match="RayOrchestrator"):
        _ = door.RayOrchestrator
    assert "initialize_ray" in dir(door)


def test_what_is_unset_is_left_to_ray() -> None:
    assert get_ray_config() == {"namespace": "ticker-processing"}
    assert "num_cpus" not in PRODUCTION_CONFIG
    assert (DEVELOPMENT_CONFIG["num_cpus"], DEVELOPMENT_CONFIG["namespace"]) == (
        4,
        "ticker-processing-dev",
    )


def test_the_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "RAY_ADDRESS": "10.0.0.7:6379",
        "RAY_NAMESPACE": "mine",
        "RAY_NUM_CPUS": "8",
        "RAY_NUM_GPUS": "0",
        "RAY_MEMORY_MB": "4096",
        "RAY_OBJECT_STORE_MEMORY_MB": "1024",
        "RAY_DASHBOARD_HOST": "0.0.0.0",
        "RAY_DASHBOARD_PORT": "8266",
        "RAY_INCLUDE_DASHBOARD": "false",
        "RAY_LOGGING_LEVEL": "debug",
        "RAY_LOG_TO_DRIVER": "true",
        "RAY_WORKING_DIR": "/srv/tickers",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    config.reset()
    assert get_ray_config() == {
        "address": "10.0.0.7:6379",
        "namespace": "mine",
        "num_cpus": 8,
        "num_gpus": 0,
        "_memory": 4 * GB,
        "object_store_memory": GB,
        "dashboard_host": "0.0.0.0",
        "dashboard_port": 8266,
        "include_dashboard": False,
        "logging_level": "DEBUG",
        "log_to_driver": True,
        "runtime_env": {"working_dir": "/srv/tickers"},
    }


def test_a_variable_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_NUM_CPUS", "0")
    config.reset()
    with pytest.raises(ConfigError, match=r"`ray.num_cpus` is `0` \(alias RAY_NUM_CPUS\)"):
        get_ray_config()


def test_the_dashboard_asks_for_no_address_of_its_own(host: Host) -> None:
    start(host, preset=DEVELOPMENT_CONFIG)
    assert (host.told["include_dashboard"], host.told["dashboard_host"]) == (True, "127.0.0.1")
    assert (host.told["address"], host.told["num_cpus"]) == ("local", 4)


def test_a_preset_goes_before_the_variables(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_NUM_CPUS", "2")
    monkeypatch.setenv("RAY_DASHBOARD_HOST", "0.0.0.0")
    config.reset()
    start(host, preset=DEVELOPMENT_CONFIG)
    assert (host.told["num_cpus"], host.told["dashboard_host"]) == (4, "0.0.0.0")
    start(host, preset=PRODUCTION_CONFIG)
    assert host.told["num_cpus"] == 2


def test_steps_run_on_a_cluster_that_outlives_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_here() == "local"
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.7:6379")
    config.reset()
    assert engine_here() == "ray"
    assert here("ray").settings["RAYMILL_RAY_ADDRESS"] == "10.0.0.7:6379"


def test_the_memory_of_older_programs_is_what_ray_takes(host: Host) -> None:
    start(host, preset={"memory": GB})
    assert host.told["_memory"] == GB
    assert "memory" not in host.told


def test_a_preset_connects_to_a_cluster_that_others_started(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray-head")
    config.reset()
    start(host, preset={**DEVELOPMENT_CONFIG, "memory": GB, "dashboard_port": 8266})
    assert (host.told["address"], host.told["namespace"]) == ("ray-head", "ticker-processing-dev")
    assert host.told["num_cpus"] is None
    assert host.told["dashboard_port"] is None
    assert "_memory" not in host.told


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_the_information_tells_of_the_cluster() -> None:
    assert initialize_ray(DEVELOPMENT_CONFIG) is True
    found = get_cluster_info()
    assert found["cluster_resources"]["CPU"] == 4
    assert set(found) == {
        *("cluster_resources", "available_resources", "nodes", "namespace", "node_id"),
    }
    assert [node["NodeID"] for node in found["nodes"]] == [found["node_id"]]


FAILS = """
from raymill.compat import get_cluster_info, initialize_ray
from raymill.errors import EngineUnavailable
print(get_cluster_info()["error"])
try:
    initialize_ray({"object_store_memory": 1000, "num_cpus": 1})
except EngineUnavailable as error:
    print(error.message)
    print(error.hint)
"""


@pytest.mark.ray
def test_a_cluster_that_cannot_be_started_is_a_named_error_with_a_hint() -> None:
    done = subprocess.run([sys.executable, "-c", FAILS], capture_output=True, text=True)
    information, message, hint = done.stdout.splitlines()
    assert information == "Ray is not initialized in this process: call initialize_ray()"
    assert message.startswith("Failed to initialize Ray on this machine: ")
    assert "object store" in message
    assert "free memory" in hint
