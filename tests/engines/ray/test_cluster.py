"""Who starts Ray, and who may stop it."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

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


SPREADS = """
from raymill.engines.ray.cluster import import_ray
import_ray()
from ray._private.ray_constants import ENABLE_RAY_CLUSTER
print(ENABLE_RAY_CLUSTER)
"""


@pytest.mark.system
@pytest.mark.parametrize(
    ("address", "said"),
    [("", "False"), ("127.0.0.1:6379", "False"), ("192.0.2.1:6379", "True")],
)
def test_only_a_cluster_of_others_has_nodes_on_other_machines(
    address: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", raising=False)
    if address:
        monkeypatch.setenv("RAYMILL_RAY_ADDRESS", address)
    done = subprocess.run([sys.executable, "-c", SPREADS], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == (f"{said}\n", 0), done.stderr


LISTENS = """
from raymill.engines.ray.cluster import connected
with connected():
    print("started", flush=True)
    input()
"""
LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")


@pytest.mark.ray
@pytest.mark.slow
def test_no_other_machine_reaches_the_local_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", raising=False)
    script = [sys.executable, "-c", LISTENS]
    with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
        assert host.stdin
        assert host.stdout
        assert host.stdout.readline() == b"started\n"
        found = listening(host.pid)
        host.stdin.close()
    assert len(found) > 3
    assert {place for place in found if place not in LOOPBACK} == set()


def listening(pid: int) -> list[str]:
    """The addresses on which a process and those that it started listen."""
    sockets = {name for one in family(pid) for name in opened(one)}
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path("/proc/net", name).read_text().splitlines()[1:]
    ]
    return [
        line[1].partition(":")[0]
        for line in lines
        if line[3] == "0A" and f"socket:[{line[9]}]" in sockets
    ]


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    told = [one.read_text() for one in Path(f"/proc/{pid}/task").glob("*/children")]
    return [pid, *(one for child in " ".join(told).split() for one in family(int(child)))]


def opened(pid: int) -> list[str]:
    """What a process has open; nothing of one that has just ended."""
    found = []
    with suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            found.append(os.readlink(entry))
    return found


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
