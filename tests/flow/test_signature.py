"""The signature is the declaration."""

from typing import Annotated, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from raymill.errors import ConfigError
from raymill.flow import Fail, Hash, Kind, Out, Port, Skip, Time
from raymill.flow.signature import Returns, Signature, read_signature


def read(function: Any, *, stateful: bool = False) -> Signature:
    return read_signature(function, stateful=stateful, output="value")


def test_positional_arguments_are_ports_and_keywords_parameters() -> None:
    def one(a: float, b: int, c: str, d: Hash, e: Time, f: Any, *, g: int = 3, h: str) -> float:
        return 0.0

    found = read(one)
    assert found.ports == {
        "a": Port(Kind.NUMBER),
        "b": Port(Kind.INTEGER),
        "c": Port(Kind.TEXT),
        "d": Port(Kind.HASH),
        "e": Port(Kind.TIME),
        "f": Port(Kind.ANY, null=True),
    }
    first, second = found.parameters
    assert (first.name, first.annotation, first.default) == ("g", int, 3)
    assert second.name == "h"
    assert found.returns == Returns((("value", pa.float64()),))


def test_none_in_the_type_welcomes_null() -> None:
    def one(a: float | None, b: str | None) -> bool:
        return True

    assert [port.null for port in read(one).ports.values()] == [True, True]
    assert read(one).returns == Returns((), filters=True)


def test_the_first_argument_of_a_task_with_state_is_the_state() -> None:
    def one(s: object, value: float) -> float | None:
        return None

    found = read(one, stateful=True)
    assert (found.state, list(found.ports)) == ("s", ["value"])
    assert found.returns.optional


def test_an_argument_to_fill_is_no_port() -> None:
    def one(v: float, ahead: Annotated[NDArray[np.float64], Out("steps")], *, steps: int) -> None:
        return None

    found = read(one)
    assert (found.fills, list(found.ports)) == ({"ahead": "steps"}, ["v"])


class Pair(NamedTuple):
    low: float
    name: str


def test_what_functions_return() -> None:
    def pair(v: float) -> Pair | Skip | Fail:
        return Pair(v, "")

    def record(r: dict[str, Any]) -> dict[str, Any] | None:
        return None

    def texts(v: float) -> list[str]:
        return []

    columns = (("low", pa.float64()), ("name", pa.string()))
    assert read(pair).returns == Returns(columns, tuple_=True, outcomes=True)
    assert read(record).returns == Returns((), record=True, optional=True)
    assert read(record).record == "r"
    assert read(texts).returns == Returns((("value", pa.list_(pa.string())),))


def no_return(v: float):  # type: ignore[no-untyped-def]
    return v


def two_returns(v: float) -> float | str:
    return v


def strange_return(v: float) -> complex:
    return 0j


def strange_port(v: complex) -> float:
    return 0.0


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_return, "`no_return` does not say what it returns"),
        (two_returns, "`two_returns` does not say what it returns"),
        (strange_return, "`strange_return` returns <class 'complex'>, which is no column type"),
        (strange_port, "Argument `v` of task `strange_port` has a type that no column has"),
    ],
)
def test_what_cannot_be_understood_is_named(function: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        read(function)
    assert refused.value.hint
