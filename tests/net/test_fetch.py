"""A vendor's way out against a server of this machine: tries, permits, deadlines."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from raymill.errors import InputError, SourceError
from raymill.net import Fetcher, Head, Http, Request, Timeouts, Tries, Verdict, by_status
from raymill.state.database import open_database
from raymill.testing.replay import DROPPED, Recorded, ReplayServer
from state.limits import Watch, most_in, shared

BODY = b"a body that is long enough to be cut" * 100
BUSY = Recorded(503)


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with ReplayServer({"/a": Recorded(body=BODY), "/b": Recorded(body=b"b")}) as running:
        yield running


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    with Http() as client:
        yield client


class Line:
    """A limit that gives a permit after some waits, and notes what it is told."""

    def __init__(self, *waits: float) -> None:
        self.waits, self.taken = list(waits), 0
        self.stops: list[tuple[float, str]] = []

    def take(self) -> float:
        if self.waits:
            return self.waits.pop(0)
        self.taken += 1
        return 0.0

    def stop(self, seconds: float, reason: str) -> None:
        self.stops.append((seconds, reason))


def fetcher(http: Http, slept: list[float], **how: object) -> Fetcher:
    """One that sleeps on paper, its random number being a half."""
    return Fetcher(
        http,
        chance=lambda: 0.5,
        clock=lambda: 1445412420.0,
        sleep=slept.append,
        **how,  # type: ignore[arg-type]
    )


def test_a_body_comes_with_its_hash(server: ReplayServer, http: Http) -> None:
    got = fetcher(http, []).fetch(Request(server.url + "/b"))
    assert (got.kind, got.body, got.size) == ("ok", b"b", 1)
    # printf b | sha256sum
    assert got.sha256 == "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"


def test_each_try_takes_a_permit_and_waits_longer(server: ReplayServer, http: Http) -> None:
    slept: list[float] = []
    line = Line()
    server.next("/a", BUSY, DROPPED, Recorded(body=BODY, cut=50))
    got = fetcher(http, slept, limit=line).fetch(Request(server.url + "/a"))
    assert got.body == BODY
    assert (line.taken, slept) == (4, [0.25, 0.5, 1.0])


def test_who_waits_in_line_has_not_tried(server: ReplayServer, http: Http) -> None:
    slept: list[float] = []
    fetcher(http, slept, limit=Line(0.1, 0.2), tries=Tries(most=1)).fetch(
        Request(server.url + "/b")
    )
    assert slept == [0.1, 0.2]


def test_who_is_told_to_wait_beyond_the_deadline_gives_up(server: ReplayServer, http: Http) -> None:
    waiting = fetcher(http, [], limit=Line(50, 600), tries=Tries(deadline_s=100))
    with pytest.raises(SourceError, match="left alone for 600 s") as caught:
        waiting.fetch(Request(server.url + "/b"))
    assert caught.value.details["wait_s"] == 600
    assert caught.value.exit_code == 3
    assert server.count() == 0


def test_a_date_in_retry_after_is_kept_and_told_to_all(server: ReplayServer, http: Http) -> None:
    slept: list[float] = []
    line = Line()
    headers = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
    server.next("/b", Recorded(429, headers=headers))
    assert fetcher(http, slept, limit=line).fetch(Request(server.url + "/b")).body == b"b"
    assert slept == [60.0]
    assert line.stops == [(60.0, "status 429")]


def test_a_retry_after_beyond_the_deadline_ends_the_tries_and_still_stops_all(
    server: ReplayServer, http: Http
) -> None:
    line = Line()
    server.next("/b", Recorded(429, headers={"Retry-After": "901"}))
    with pytest.raises(SourceError, match="asked once: status 429") as caught:
        fetcher(http, [], limit=line).fetch(Request(server.url + "/b"))
    assert caught.value.details["wait_s"] == 901
    assert line.stops == [(901.0, "status 429")]


@pytest.mark.parametrize("status", [301, 400, 401, 405])
def test_a_refusal_is_not_tried_again(server: ReplayServer, http: Http, status: int) -> None:
    server.next("/b", Recorded(status, headers={"Location": "http://elsewhere.example/"}))
    with pytest.raises(InputError, match=f"was refused: status {status}"):
        fetcher(http, []).fetch(Request(server.url + "/b"))
    assert server.count() == 1


def test_what_is_missing_is_an_answer(server: ReplayServer, http: Http) -> None:
    assert fetcher(http, []).fetch(Request(server.url + "/c")).kind == "missing"


def test_a_file_is_written_anew_with_each_try(
    server: ReplayServer, http: Http, tmp_path: Path
) -> None:
    server.next("/a", Recorded(body=b"x" * 10_000, cut=9000), Recorded(body=BODY * 9, cut=99))
    got = fetcher(http, []).fetch(Request(server.url + "/a"), into=tmp_path / "body")
    assert (tmp_path / "body").read_bytes() == BODY
    assert (got.body, got.size) == (b"", len(BODY))


def test_a_body_beyond_its_bound_is_not_tried_again(server: ReplayServer, http: Http) -> None:
    with pytest.raises(InputError, match="larger than 0 MB"):
        fetcher(http, []).fetch(Request(server.url + "/a", most_bytes=100))
    assert server.count() == 1


def test_a_body_that_trickles_ends_in_time(server: ReplayServer) -> None:
    seconds = iter(range(0, 1000, 40))
    with Http(clock=lambda: next(seconds)) as slow:
        server.next("/b", Recorded(body=b"b"))
        failing = fetcher(slow, [], tries=Tries(most=1))
        with pytest.raises(SourceError, match="not whole after 30 s"):
            failing.fetch(Request(server.url + "/b", most_s=30))


def test_a_stalled_body_is_a_time_out(server: ReplayServer) -> None:
    server.next("/a", Recorded(body=BODY, stalls=True))
    with (
        Http(timeouts=Timeouts(read_s=0.2)) as impatient,
        pytest.raises(SourceError, match="no answer in time"),
    ):
        fetcher(impatient, [], tries=Tries(most=1)).fetch(Request(server.url + "/a"))


def test_a_server_that_is_not_there_is_told(http: Http) -> None:
    with ReplayServer() as gone:
        url = gone.url
    with pytest.raises(SourceError, match=r"asked 2 times: no connection"):
        fetcher(http, [], tries=Tries(most=2)).fetch(Request(url + "/a"))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "no address", "http://[::1"])
def test_an_address_that_is_none_is_not_tried(http: Http, url: str) -> None:
    with pytest.raises(InputError, match="cannot be asked for"):
        fetcher(http, []).fetch(Request(url))


def test_a_request_may_bring_a_body(server: ReplayServer, http: Http) -> None:
    fetcher(http, []).fetch(Request(server.url + "/b", method="POST", content=b"question"))
    assert (server.asked[0].method, server.asked[0].body) == ("POST", b"question")


def test_an_error_page_that_breaks_off_is_judged_by_what_came(
    server: ReplayServer, http: Http
) -> None:
    seen: list[bytes] = []

    def judge(head: Head, now: float) -> Verdict:
        seen.append(head.start)
        return by_status(head, now)

    server.next("/b", Recorded(503, b"<html>busy</html>", cut=10))
    fetcher(http, [], judge=judge).fetch(Request(server.url + "/b"))
    assert seen == [b"<html>busy", b"b"]


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_has_connections_of_its_own(server: ReplayServer) -> None:
    with Http() as http:
        assert fetcher(http, []).fetch(Request(server.url + "/b")).body == b"b"
        child = os.fork()
        if child == 0:
            os._exit(0 if fetcher(http, []).fetch(Request(server.url + "/b")).body == b"b" else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert fetcher(http, []).fetch(Request(server.url + "/b")).body == b"b"
    assert len(server.clients) == 2


def test_a_sleep_that_raises_ends_it(server: ReplayServer, http: Http) -> None:
    def cancelled(seconds: float) -> None:
        raise KeyboardInterrupt

    server.next("/b", BUSY)
    with pytest.raises(KeyboardInterrupt):
        Fetcher(http, sleep=cancelled).fetch(Request(server.url + "/b"))


def test_eight_threads_never_exceed_the_budget(
    server: ReplayServer, http: Http, tmp_path: Path
) -> None:
    watch, granted, lock = Watch(), list[float](), threading.Lock()
    database = open_database(tmp_path / "home")
    limit = shared(database, watch)
    take = limit.take

    def noted() -> float:
        wait_s = take()
        if wait_s == 0:
            with lock:
                granted.append(watch.last)
        return wait_s

    limit.take = noted  # type: ignore[method-assign]
    server.next(None, *[BUSY] * 6)
    one = Fetcher(http, limit=limit, sleep=watch.sleep, clock=watch, chance=lambda: 0.5)
    _in_threads(8, lambda: [one.fetch(Request(server.url + "/b")) for _ in range(8)])
    database.close()
    assert server.count() == len(granted) == 70
    assert most_in(granted, 1.0) <= 8


def _in_threads(count: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
