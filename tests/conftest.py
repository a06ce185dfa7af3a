"""What all tests share: engines and worker counts, real data, and a clean ground for each test."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest

from raymill import config, faults

# Tests start hundreds of processes; each would compile all modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Threads of a matrix product that wait spin, and take the cores from the other tests.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

pytest_plugins = ["marks", "servers", "databases"]

ROOT = Path(__file__).parents[1]
EXAMPLES = {"quick": 10, "all": 100}
for name, examples in EXAMPLES.items():
    hypothesis.settings.register_profile(name, deadline=None, max_examples=examples)
hypothesis.settings.load_profile("quick")

ENGINES = ("local", "ray")
WORKERS = (1, 2, pytest.param(4, marks=pytest.mark.system))
MOST_AT_ONCE = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default="local", help="engines to test, as in local,ray")
    parser.addoption(
        "--system", action="store_true", help="run the tests marked system or postgres"
    )
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """All tests of this machine run on all its cores; those that are named do so at once."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # a worker, which must not start workers in turn
        return
    option = config.option
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    here = _engines(config) == ["local"] and not (option.collectonly or option.usepdb)
    if everything and here and getattr(option, "numprocesses", 0) is None:
        option.numprocesses = min(os.cpu_count() or 1, MOST_AT_ONCE)
        option.dist = "loadfile"


def pytest_configure(config: pytest.Config) -> None:
    from servers import memory

    if folder := memory():  # a test waits for no disk
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))
    wrong = set(_engines(config)) - set(ENGINES)
    if wrong:
        raise pytest.UsageError(
            f"--engines: unknown {', '.join(sorted(wrong))}; there are local, ray"
        )
    if config.getoption("--system"):
        hypothesis.settings.load_profile("all")


def _engines(config: pytest.Config) -> list[str]:
    return config.getoption("--engines").split(",")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        engines = [_marked(name) for name in _engines(metafunc.config)]
        metafunc.parametrize("engine", engines)
    if "workers" in metafunc.fixturenames:
        metafunc.parametrize("workers", WORKERS)


def _marked(engine: str) -> object:
    marks = [pytest.mark.ray] if engine == "ray" else []
    return pytest.param(engine, marks=marks)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    out = set() if config.getoption("--slow") else {"slow"}
    out |= set() if config.getoption("--system") else {"system", "postgres"}
    out |= set() if "ray" in _engines(config) else {"ray"}
    dropped = [item for item in items if any(item.get_closest_marker(mark) for mark in out)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in set(dropped)]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.freeze()  # what was imported and collected stays: no need to look at it again and again


def pytest_unconfigure() -> None:
    gc.unfreeze()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Homes of the tests that have no folder of their own: not made until they are used."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def clean_ground(
    homes: Iterator[Path], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Each test has a home of its own, no settings of the developer's, and no armed fault."""
    own = "tmp_path" in request.fixturenames
    home = request.getfixturevalue("tmp_path") / "home" if own else next(homes)
    for name in [*os.environ]:
        if (name.startswith("RAYMILL_") and name != "RAYMILL_CI") or name == "RAY_ADDRESS":
            monkeypatch.delenv(name)
    monkeypatch.setenv("RAYMILL_HOME", str(home))
    config.reset()
    yield
    config.reset()
    faults.disarm()


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One local Ray cluster for the whole test run; engine, runners and actors use it as it is."""
    from raymill.engines.ray import cluster

    ray = cluster.import_ray()
    if ray.is_initialized():
        yield
        return
    from raymill.services.hosts.serve import prepared

    with prepared(), pytest.MonkeyPatch.context() as patch:
        for place in ("tests", "tests/plugin"):
            patch.setenv("PYTHONPATH", str(ROOT / place), prepend=os.pathsep)
        patch.setenv("RAY_worker_niceness", "0")  # one waits for them, beside other tests
        cluster.start(ray, num_cpus=4)
        yield
        ray.shutdown()


@pytest.fixture(scope="session")
def ray_address(ray_cluster: None) -> str:
    """Where the one cluster of the test run is, for processes that connect to it."""
    import ray

    return str(ray.get_runtime_context().gcs_address)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files beside the repository; absent outside of the developers' place."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is absent")
    return folder


@pytest.fixture(scope="session")
def need() -> Callable[[object, str], None]:
    """`need(shutil.which("unshare"), "unshare")`: without it, skip at home and fail in CI."""

    def check(found: object, what: str) -> None:
        if not found:
            give_up = pytest.fail if os.environ.get("RAYMILL_CI") == "1" else pytest.skip
            give_up(f"needs {what}")

    return check
