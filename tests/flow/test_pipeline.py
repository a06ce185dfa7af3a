"""Pipelines are declarations: nothing runs, nothing is changed."""

import pytest
from tests.conformance.tasks import double, warm

from raymill.errors import ConfigError, PipelineError, UnknownName
from raymill.flow.pipeline import order, read


def test_every_method_gives_a_new_stream() -> None:
    start = read("city.csv")
    left, right = start.then(warm), start.then(double)
    assert start.labels() == ["read"]
    assert left.labels() == ["read", "warm"]
    assert left.join(right).labels() == ["read", "warm", "double", "join"]
    assert left.union(right).select("value").labels()[-2:] == ["union", "select"]


def test_what_is_given_is_kept_as_it_was_written() -> None:
    node = read("a.csv").then(warm, field="t", key=["k", "l"], as_="w", label="x", low=3.0).node
    assert (node.field, node.key, node.as_, node.label) == ("t", ("k", "l"), "w", "x")
    assert dict(node.given) == {"low": 3.0}
    assert read("a.csv").then(warm, field=["a", "b"]).node.field == ("a", "b")


def test_a_window_takes_what_then_takes() -> None:
    node = read("a.csv").window("mean", count=3, flush=True, field="v", key="k", as_="m").node
    assert node.task is not None
    assert dict(node.task.given) == {"aggregate": "mean", "count": 3, "flush": True}
    assert (node.field, node.key, node.as_) == ("v", ("k",), "m")


def test_several_sinks_share_one_reading() -> None:
    start = read("a.csv")
    both = start.then(warm).write("a.jsonl") + start.then(double).write("b.jsonl", "csv")
    assert [write.where for _, write in both.sinks] == ["a.jsonl", "b.jsonl"]
    assert [node.label for node in order([node for node, _ in both.sinks])] == [
        "read",
        "warm",
        "double",
    ]


def test_two_sources_are_refused() -> None:
    with pytest.raises(PipelineError, match="reads from one source, this one from 2") as refused:
        order([read("a.csv").union(read("b.csv")).node])
    assert "one read([...])" in str(refused.value.hint)


def test_an_unknown_task_is_named_at_once() -> None:
    with pytest.raises(UnknownName, match="kalman_filtre") as unknown:
        read("a.csv").then("kalman_filtre")
    assert "`kalman_filter`" in str(unknown.value.hint)
    with pytest.raises(ConfigError, match="is no task"):
        read("a.csv").then(3)
