"""Frames over a socket: whole, in order, plain, and heard to the last."""

import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymill.engines.ray.line import HEAD, Frames, Line, packed


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    pair = socket.socketpair()
    yield pair
    for end in pair:
        end.close()


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.tuples(inner, inner),
    max_leaves=4,
)


@given(st.lists(st.tuples(st.text(), PLAIN), max_size=5), st.integers(1, 50))
def test_messages_come_whole_and_in_order_however_they_are_cut(messages: Any, size: int) -> None:
    frames, sent = Frames(), b"".join(packed(message) for message in messages)
    heard = [
        message for at in range(0, len(sent), size) for message in frames.feed(sent[at : at + size])
    ]
    assert heard == messages


def test_what_does_not_go_out_at_once_goes_out_later(ends: Any) -> None:
    line, other = Line(ends[0]), Line(ends[1])
    for number in range(20):
        line.send("part", number, b"x" * 300_000)
    assert line.is_behind
    heard: list[Any] = []
    while len(heard) < 20:
        line.flush()
        heard += other.receive()
    assert [(message[1], len(message[2])) for message in heard] == [
        (number, 300_000) for number in range(20)
    ]
    assert not line.is_behind


@pytest.mark.parametrize(
    "body",
    [b"", b"no pickle", pickle.dumps("no tuple"), pickle.dumps(()), pickle.dumps((Path("/"),))],
)
def test_nonsense_ends_the_line_and_runs_nothing(ends: Any, body: bytes) -> None:
    line = Line(ends[0])
    ends[1].sendall(packed(("good", 1)) + HEAD.pack(len(body)) + body + packed(("late", 2)))
    assert list(line.receive()) == [("good", 1)]
    assert line.is_over


def test_whoever_hangs_up_still_hears(ends: Any) -> None:
    line, other = Line(ends[0]), Line(ends[1])
    line.send("last")
    line.hang_up()
    assert list(other.receive()) == [("last",)]
    assert other.is_over
    ends[1].sendall(packed(("answer",)))
    assert list(line.receive()) == [("answer",)]
    line.send("too late")
    assert not line.is_behind


DOOMED = """
import os, signal, socket, sys
from raymill.engines.ray.line import CORKED, packed
end = socket.socket(fileno=int(sys.argv[1]))
end.send(packed(("begun", 1)), CORKED)
end.send(packed(("result", 1)), CORKED)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.system
def test_what_was_said_last_is_heard_of_a_process_that_is_killed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ends = socket.create_connection(server.getsockname()), server.accept()[0]
    handle = ends[0].fileno()
    subprocess.run([sys.executable, "-c", DOOMED, str(handle)], pass_fds=[handle], check=False)
    ends[0].close()
    line = Line(ends[1])
    assert list(line.receive()) == [("begun", 1), ("result", 1)]
    assert line.is_over
    line.close()
