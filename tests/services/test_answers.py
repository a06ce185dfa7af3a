"""Answers that are kept for a while, in memory and on Redis, and given again."""

import asyncio
import time
from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar

import pytest

from raymill.config.service import ServiceSettings
from raymill.errors import NotFound, StoreUnavailable
from raymill.services import Service, route
from raymill.services.kept import Kept
from raymill.services.service import InProcess, opened
from raymill.state.answers import Answers, MemoryAnswers
from raymill.state.redis import RedisAnswers, RedisServer
from services.conftest import Served
from services.echo import EchoSettings

PLACES = ["memory", pytest.param("redis", marks=pytest.mark.system)]
LIMIT_S = 60.0


@pytest.fixture(params=PLACES)
def answers(request: pytest.FixtureRequest) -> Iterator[Answers]:
    """Each place that keeps answers."""
    if request.param == "memory":
        yield MemoryAnswers()
        return
    server = RedisServer(request.getfixturevalue("redis_url"))
    yield RedisAnswers(server)
    server.close()


def test_an_answer_is_kept_under_its_key(answers: Answers) -> None:
    assert answers.get("a") is None
    answers.put("a", b"\x00\xff first", 60.0)
    answers.put("b", b"", 60.0)
    assert (answers.get("a"), answers.get("b"), answers.get("c")) == (b"\x00\xff first", b"", None)
    answers.put("a", b"second", 60.0)
    assert answers.get("a") == b"second"


def test_an_answer_goes_when_its_time_is_over(answers: Answers) -> None:
    answers.put("a", b"brief", 0.001)
    until = time.monotonic() + LIMIT_S
    while answers.get("a") is not None:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_memory_is_bounded_and_keeps_what_is_used() -> None:
    kept = MemoryAnswers(most_bytes=30)
    for key in ("a", "b", "c"):
        kept.put(key, b"0123456789", 60.0)
    assert kept.get("a") is not None
    kept.put("d", b"0123456789", 60.0)
    assert [kept.get(key) is not None for key in ("a", "b", "c", "d")] == [True, False, True, True]
    kept.put("e", b"0" * 31, 60.0)
    assert kept.get("e") is None


class Counter(Service):
    """Counts how often it was asked."""

    name: ClassVar[str] = "counter"
    Settings: ClassVar[type[ServiceSettings]] = EchoSettings

    def __init__(self, settings: ServiceSettings) -> None:
        super().__init__(settings)
        self._numbers = count(1)

    @route("GET", "/kept", key="found", keep_s=3600)
    async def kept(self, of: str) -> dict[str, Any]:
        """Count, of each name for an hour."""
        if of == "nothing":
            raise NotFound("There is nothing")
        return {"of": of, "number": next(self._numbers)}


def test_a_route_gives_its_answer_again_for_the_same_question(served: Served) -> None:
    client = served(Counter)

    def ask(of: str) -> Any:
        return client.get("/api/counter/kept", params={"of": of}).json()

    assert ask("a") == {"status": "success", "found": {"of": "a", "number": 1}}
    assert ask("a")["found"]["number"] == 1
    assert ask("b")["found"]["number"] == 2
    assert [client.get("/api/counter/kept?of=nothing").status_code for _ in range(2)] == [404, 404]


class Away:
    """A place that is away."""

    def get(self, key: str) -> bytes | None:
        raise StoreUnavailable("away")

    def put(self, key: str, body: bytes, seconds: float) -> None:
        raise StoreUnavailable("away")


def test_a_place_that_is_away_costs_nothing_but_time() -> None:
    caller = Kept(InProcess({"counter": opened(Counter)}), {"counter": Counter}, Away(), "here")
    given = {"of": "a"}
    found = [asyncio.run(caller.call("counter", "kept", given)).body for _ in range(2)]
    assert found == [b'{"of":"a","number":1}', b'{"of":"a","number":2}']
