"""The store away, held up or without space, under an API that goes on all the while."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import httpx2
import pytest

from filings.machine import until
from raymill.app.market.imports import import_file
from raymill.bench.services.servers import environment, local
from raymill.config.paths import home
from raymill.services.algorunner import Algorunner
from raymill.state.owner import alive
from servers import PostgresServer
from services.conftest import Served
from services.hosted import HOSTS, Hosted

RUN, EXECUTIONS = "/api/algorunner/run", "/api/algorunner/executions"
BARS = "date,open,high,low,close,volume\n" + "".join(
    f"2020-01-{day:02},{price},{price},{price},{price},100\n"
    for day, price in enumerate((10, 10, 10, 8, 9, 11, 12, 13, 11, 9, 9, 10), start=6)
)
CROSS: Mapping[str, Any] = {
    "algorithm_id": "sma_cross",
    "parameters": {"fast": 1, "slow": 2},
    "symbols": ["ABC"],
}
NEED_NO_STORE = (
    "/",
    "/metrics",
    "/openapi.json",
    "/api/algorunner/",
    "/api/algorunner/algorithms",
    "/api/tasks/installed",
)
STATUSES = tuple(
    f"/api/{name}/status" for name in ("algorunner", "tickscrawler", "workflows", "filings")
)
NEED_THE_STORE = (
    "/api/screener/filters",
    "/api/workflows/runs",
    EXECUTIONS,
    f"{EXECUTIONS}/none",
    "/api/tickscrawler/crawls",
    "/api/tickscrawler/streams",
    "/api/tickscrawler/historical?symbol=ABC&interval=1d",
)


class Api:
    """An API on this machine, asked by many at a time."""

    def __init__(self, port: int) -> None:
        self._http = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=120.0)

    def get(self, path: str) -> httpx2.Response:
        return self._http.get(path)

    def start(self, wait: int) -> httpx2.Response:
        return self._http.post(f"{RUN}?wait={wait}", json=dict(CROSS))

    def all_of(self, paths: tuple[str, ...]) -> dict[str, httpx2.Response]:
        with ThreadPoolExecutor(len(paths)) as threads:
            return dict(zip(paths, threads.map(self.get, paths), strict=True))

    def states(self) -> dict[str, str]:
        found = self.get(EXECUTIONS).json()["result"]["executions"]
        return {one["execution_id"]: one["status"] for one in found}

    def close(self) -> None:
        self._http.close()

    def are_refused(self, *paths: str) -> bool:
        return all(is_refused(one) for one in self.all_of(paths).values())

    def are_done(self) -> bool:
        return set(self.states().values()) == {"completed"}

    def is_well(self) -> bool:
        return self.get("/health").status_code == 200


@contextmanager
def api(folder: Path, host: Hosted = local) -> Iterator[Api]:
    """An API over bars of ABC, whose orchestrator leaves with it."""
    (folder.parent / "ABC.csv").write_text(BARS)
    command = [sys.executable, "-m", "raymill", "market", "import", "ABC.csv"]
    subprocess.run(
        command, cwd=folder.parent, env=environment(folder), check=True, capture_output=True
    )
    with host(folder) as server:
        made = Api(server.port)
        try:
            yield made
        finally:
            made.close()
    starting = folder / "orchestrator.starting"
    until(lambda: not starting.exists() or not alive(starting.read_text()), "its end")


def is_refused(answer: httpx2.Response) -> bool:
    """Whether an answer says that the store is away, and when to ask again."""
    kind = answer.headers["content-type"]
    is_told = kind == "application/problem+json" and int(answer.headers["retry-after"]) > 0
    return answer.status_code == 503 and is_told


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYMILL_SERVE_STORE_S", "1")
    monkeypatch.setenv("RAYMILL_WORKFLOWS_LEASE_S", "1")


@pytest.mark.system
@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("host", HOSTS)
def test_while_the_server_of_the_store_is_away_this_is_said_and_then_all_goes_on(
    postgres_server: PostgresServer,
    postgres_url: str,
    host: Hosted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAYMILL_DATABASE_URL", postgres_url)
    server, every = postgres_server, (*STATUSES, *NEED_THE_STORE)
    silent, gone = (server.freeze, server.thaw), (server.down, server.up)
    with api(tmp_path / "home", host) as served:
        accepted = {served.start(60).json()["result"]["execution_id"]}
        usual = {path: one.status_code for path, one in served.all_of(every).items()}
        for away, back in (silent, gone):
            accepted |= {served.start(0).json()["result"]["execution_id"] for _ in range(2)}
            away()
            try:
                refused = served.all_of(NEED_THE_STORE)
                assert [path for path, one in refused.items() if not is_refused(one)] == []
                until(lambda: served.are_refused(*STATUSES), "the end of what was counted")
                assert is_refused(served.start(0))
                assert {one.status_code for one in served.all_of(NEED_NO_STORE).values()} == {200}
                assert served.get("/health").status_code == 503
            finally:
                back()
            until(served.is_well, "health")
            found = {path: one.status_code for path, one in served.all_of(every).items()}
            assert found == usual
        until(served.are_done, "the end of what was accepted")
        assert set(served.states()) == accepted
        assert served.start(60).json()["result"]["status"] == "completed"


def test_while_another_writer_holds_the_files_of_the_store_this_is_said_and_reads_go_on(
    idle: None, served: Served, tmp_path: Path
) -> None:
    (tmp_path / "ABC.csv").write_text(BARS)
    import_file(tmp_path / "ABC.csv", "bar")
    client = served(Algorunner, store_s=0.05)
    assert client.post(RUN, json=dict(CROSS)).status_code == 202
    with closing(apsw.Connection(str(home() / "lake.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = client.post(RUN, json=dict(CROSS))
        assert is_refused(refused)
        assert refused.json()["detail"] == f"`{home()}/lake.db` is held up by another process"
        listed = client.get(EXECUTIONS)
        assert (listed.status_code, len(listed.json()["result"]["executions"])) == (200, 1)
    assert client.post(RUN, json=dict(CROSS)).status_code == 202


FULL = """
import sys
from pathlib import Path
from services.test_away import api, is_refused, until

home = Path("disk/home").absolute()
with api(home) as served:
    print(served.start(60).json()["result"]["status"])
    with open("disk/filler", "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(1024)):
                pass
        except OSError:
            pass
    until(lambda: is_refused(served.start(0)), "refusal")
    print(served.get("/api/algorunner/executions").status_code)
    Path("disk/filler").unlink()
    print(served.start(60).json()["result"]["status"])
    print(set(served.states().values()))
"""


@pytest.mark.system
@pytest.mark.usefixtures("settled")
def test_on_a_full_disk_this_is_said_and_then_all_goes_on(
    tmp_path: Path, need: Callable[[object, str], None]
) -> None:
    need(shutil.which("unshare"), "unshare")
    (tmp_path / "full.py").write_text(FULL)
    tests = str(Path(__file__).parents[1])
    script = (
        "mkdir disk && mount -t tmpfs -o size=8m none disk && "
        f"PYTHONPATH=$PYTHONPATH:{tests} {sys.executable} full.py"
    )
    command = ["unshare", "-Urm", "bash", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    need("unshare" not in done.stderr, f"user namespaces ({done.stderr.strip()})")
    told = ["completed", "200", "completed", "{'completed'}"]
    assert done.stdout.splitlines() == told, done.stderr
