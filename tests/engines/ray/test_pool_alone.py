"""The pool on Ray without Ray: what it does when nothing can be reached, or nothing starts."""

import importlib.util
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.engines.ray.doings import until

from raymill import __version__, config, json
from raymill.engines.ray import pool as pool_module
from raymill.engines.ray import roster
from raymill.engines.ray.line import CHUNK, Frames, packed
from raymill.engines.ray.link import Link
from raymill.engines.ray.pool import RayPool
from raymill.engines.ray.seal import sealed
from raymill.engines.ray.steps import refusal_of
from raymill.errors import ConfigError, EngineUnavailable
from raymill.state.artifacts import Artifacts
from raymill.testing.pool_suite import Hand, Recorder

Tell = Callable[..., None]


class Played(Link):
    """A thread that plays the process which is connected to Ray."""

    made = 0
    play: Callable[[int, Tell, Iterator[Any]], None]

    def _begin(self, end: socket.socket, *given: str) -> None:
        type(self).made += 1
        self._thread = threading.Thread(target=self._run, args=(self.made, end.dup()))
        self._thread.start()

    def _run(self, number: int, end: socket.socket) -> None:
        def heard() -> Iterator[Any]:
            frames = Frames()
            with suppress(OSError):
                while data := end.recv(CHUNK):
                    yield from frames.feed(data)

        def tell(*told: Any) -> None:
            with suppress(OSError):
                end.sendall(packed(told))

        with end:
            type(self).play(number, tell, heard())

    def close(self, patience_s: float = 0.0) -> None:
        self.line.close()
        self._thread.join()


@pytest.fixture
def lend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Hand]]:
    made: list[RayPool] = []
    monkeypatch.setattr(Played, "made", 0)
    monkeypatch.setattr(pool_module, "Link", Played)

    def start(play: Any, **how: Any) -> Hand:
        monkeypatch.setattr(Played, "play", staticmethod(play), raising=False)
        pool, recorder = RayPool(tmp_path, workers_min=0, workers_max=1, **how), Recorder()
        made.append(pool)
        pool.open(recorder)
        return Hand(pool, recorder, Artifacts(tmp_path))

    yield start
    for pool in made:
        pool.close()
    assert "ray.pool-failed" not in capfd.readouterr().err


SERVE = """
import sys
from raymill.engines.ray.steps import RayStepWorker
RayStepWorker().serve(sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]))
"""


@pytest.mark.system
def test_calls_wait_while_no_cluster_is_there(
    lend: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pool_module, "AGAIN_S", (0.0, 0.01))
    is_back = threading.Event()

    def play(number: int, tell: Tell, heard: Iterator[Any]) -> None:
        if not is_back.is_set():
            tell("away", "nobody answers")
            return
        tell("up", "127.0.0.1")
        *_, host, port, token = next(heard)
        given = [host, str(port), token.hex()]
        subprocess.run([sys.executable, "-c", SERVE, *given], check=False)

    hand = lend(play)
    call = hand.call("add_one", 1)
    hand.submit(call)
    until(lambda: Played.made >= 4, "the cluster was tried several times")
    assert hand.recorder.ended == []
    is_back.set()
    assert hand.ends(call)[0].output == b"2"
    said = capfd.readouterr().err
    assert said.count("ray.away") == said.count("ray.back") == 1
    assert "nobody answers" in said


def test_a_connection_that_does_not_answer_is_made_anew(
    lend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYMILL_WORKFLOWS_RAY_SILENT_S", "0.2")
    monkeypatch.setattr(pool_module, "QUIET_S", 0.02)
    config.reset()
    asked: list[int] = []

    def play(number: int, tell: Tell, heard: Iterator[Any]) -> None:
        tell("up", "127.0.0.1")
        for (name,) in heard:
            assert name == "ping"
            asked.append(number)
            if number == 2:
                tell("pong")

    monkeypatch.setattr(pool_module, "AGAIN_S", (0.0,))
    lend(play)
    until(lambda: asked.count(2) > 6, "the second connection was asked again and again")
    assert Played.made == 2


def test_what_waits_for_workers_that_never_start_learns_why(
    lend: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "PAUSE_S", (0.0,))

    def play(number: int, tell: Tell, heard: Iterator[Any]) -> None:
        tell("up", "127.0.0.1")
        for name, worker, *_ in heard:
            if name == "start":
                tell("over", worker, "RayTaskError(EngineError)", "another version")

    hand = lend(play)
    first, second = hand.run(hand.call("add_one", 1)), hand.run(hand.call("add_one", 2))
    for (end,) in (first, second):
        about = json.loads(end.error or b"{}")
        assert (end.outcome, end.retry, about["type"]) == ("lost", True, "WorkerLost")
        assert about["report"] == "another version"
    assert capfd.readouterr().err.count("ray.no-worker-starts") == 1


@pytest.mark.parametrize(
    ("version", "seal", "message"),
    [
        ("0.0.1", None, f"A worker has raymill {__version__}, the orchestrator 0.0.1"),
        (__version__, "other", "A node of the cluster does not see the folder"),
        (__version__, None, None),
    ],
)
def test_a_worker_refuses_where_it_could_not_do_its_work(
    tmp_path: Path, version: str, seal: str | None, message: str | None
) -> None:
    refusal = refusal_of(version, tmp_path, seal or sealed(tmp_path))
    assert message is None if refusal is None else refusal.message.startswith(str(message))
    assert refusal is None or refusal.hint


def test_a_seal_stays_as_it_is(tmp_path: Path) -> None:
    seal = sealed(tmp_path / "new")
    assert sealed(tmp_path / "new") == seal
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["seal"]


def test_whatever_cluster_is_found_is_never_joined(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`auto`"):
        RayPool(tmp_path, address="auto")


def test_a_client_of_a_cluster_cannot_have_workers_call_in(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`ray://head:10001`") as caught:
        RayPool(tmp_path, address="ray://head:10001")
    assert "HOST:6379" in str(caught.value.hint)


def test_without_ray_there_is_no_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable) as caught:
        RayPool(tmp_path)
    assert caught.value.hint == "pip install 'raymill[ray]'"
