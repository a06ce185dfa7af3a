"""Who starts Ray, and who may stop it."""

import subprocess
import sys

import pytest

from raymill.engines.ray import initialize_ray, shutdown_ray
from raymill.engines.ray.cluster import Connection, start
from raymill.errors import ConfigError, UnknownName

USES = """
import sys
import raymill.engines.ray as door
assert door.RayRunner and door.StandaloneRunner and door.RayTaskActor and door.initialize_ray
assert door.create_ray_actors and door.shutdown_ray
print("ray" in sys.modules)
"""


@pytest.mark.system
def test_the_classes_are_there_without_loading_ray() -> None:
    done = subprocess.run([sys.executable, "-c", USES], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import raymill.engines.ray as door

    with pytest.raises(AttributeError, match="RayRuner"):
        _ = door.RayRuner
    assert "RayRunner" in dir(door)


class Host:
    """Ray as `start` sees it: which way it was told to begin."""

    def __init__(self) -> None:
        self.told: dict[str, object] = {}

    def init(self, address: str, num_cpus: int | None = None, **options: object) -> None:
        self.told = {"address": address, "num_cpus": num_cpus, **options}


def test_without_an_address_an_isolated_cluster_is_started() -> None:
    host = Host()
    start(host, num_cpus=3)
    assert (host.told["address"], host.told["num_cpus"]) == ("local", 3)


def test_whatever_cluster_is_found_is_never_joined() -> None:
    with pytest.raises(ConfigError, match="`auto`"):
        start(Host(), "auto")
    with pytest.raises(ConfigError, match="`auto`"):
        start(Host(), preset={"address": "auto"})


def test_an_unknown_setting_of_a_preset_is_named() -> None:
    ray = pytest.importorskip("ray")
    with pytest.raises(UnknownName, match="num_cpu`") as caught:
        start(ray, preset={"num_cpu": 4})
    assert "`num_cpus`" in str(caught.value.hint)


def test_a_host_keeps_its_own_ray() -> None:
    ray = pytest.importorskip("ray")
    before = ray.is_initialized()
    assert initialize_ray(True) is True
    assert ray.is_initialized() is before
    shutdown_ray(True)
    assert ray.is_initialized() is before


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_only_the_owner_shuts_down() -> None:
    import ray

    connection = Connection()
    connection.open()
    assert not connection.is_ours
    connection.close()
    assert initialize_ray({"num_cpus": 2}) is True
    shutdown_ray()
    assert ray.is_initialized()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_what_ray_says_of_a_lost_worker_stays_out_of_the_records(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from ray._private.worker import print_to_stdstream

    said = {"lines": ["(raylet) A worker died"], "pid": "raylet", "is_err": False, "ip": "x"}
    print_to_stdstream(said, ignore_prefix=False)
    assert capsys.readouterr().out == ""
