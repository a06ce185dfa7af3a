"""Sweeps as executions: checked when they are asked for, run in the background, kept."""

import math
from typing import Any

from raymill.app.market.made import Made
from raymill.app.market.request import MOST_SETS, Request, SweepAsked
from raymill.app.sweeps import Choices, How, run_sweep, sets_of
from raymill.market.screen.refusals import refusal, unknown_at
from raymill.market.sweep.run import Tell
from raymill.market.sweep.space import Range, Values, read_choices
from raymill.market.sweep.table import FIGURES

CHECKED_AT_ONCE = 1000  # sets of a grid; of a larger one each value is checked by itself


def check_sweep(request: Request) -> None:
    """Raise ConfigError or UnknownName with the path of what is wrong with a sweep."""
    asked = request.sweep
    assert asked is not None
    if request.is_scan:
        raise refusal("algorithm_id", f"cannot be `{request.algorithm_id}`: it is run over quotes")
    if asked.metric not in FIGURES:
        raise unknown_at("metric", "figure", asked.metric, FIGURES)
    if asked.holdout is not None and asked.walk is not None:
        raise refusal("walk", "and `holdout` exclude each other")
    if bool(asked.grid) == bool(asked.sets):
        raise refusal("grid", "or `sets` is needed, and one of them", _HINT)
    if asked.sets and asked.random is not None:
        raise refusal("random", "draws from `grid`, and there is none")
    known = [one.name for one in request.named.parameters]
    for name in asked.grid:
        if name not in known:
            raise unknown_at(f"grid.{name}", "parameter", name, known)
    count = _count(asked)
    if count > MOST_SETS:
        raise refusal("grid", f"has {count:,} sets, and {MOST_SETS:,} may be tried")
    if asked.sets or count <= CHECKED_AT_ONCE:
        sets_of(request.named, _choices(request), request.seed)
        return
    for name, text in _texts(asked).items():
        for value in _ends(read_choices(name, text)):
            request.named.values({**request.parameters, name: value})


_HINT = 'as in "grid": {"fast": "5:20:5", "slow": [50, 100]}'


def _count(asked: SweepAsked) -> int:
    if asked.random is not None:
        return asked.random
    found = [read_choices(name, text) for name, text in _texts(asked).items()]
    sizes = (_size(one) if isinstance(one, Range) else len(one) for one in found)
    return math.prod(sizes) if found else len(asked.sets)


def _size(one: Range) -> int:
    """How many numbers a range has, without listing them."""
    if one.step is None:
        return len(one.values()) if not one.is_whole else math.floor(one.high - one.low) + 1
    return math.floor((one.high - one.low) / one.step + 1e-9) + 1


def _ends(choices: Range | Values) -> Values:
    """Values of which all are good, if all of the choices are."""
    if not isinstance(choices, Range):
        return choices
    step = choices.step or (1 if choices.is_whole else 0)
    return [choices.low, min(choices.low + step, choices.high), choices.high]


def _texts(asked: SweepAsked) -> dict[str, str]:
    return {
        name: given if isinstance(given, str) else ",".join(map(_text, given))
        for name, given in asked.grid.items()
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(request: Request) -> Choices:
    asked = request.sweep
    assert asked is not None
    fixed = request.parameters
    return Choices(_texts(asked), asked.random, None, fixed, tuple(asked.sets))


def swept(request: Request, tell: Tell | None = None) -> Made:
    """Run a sweep. Raises NotStored, ConfigError."""
    asked = request.sweep
    assert asked is not None
    how = How(asked.metric, asked.best, asked.holdout, asked.walk, asked.anchored)
    told = run_sweep(request.asked, _choices(request), how, tell).to_dict()
    record, best = told.pop("record"), told.pop("best")
    return Made(told | {"best": best[0]}, record, found=best)
