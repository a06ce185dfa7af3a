"""A compiled step gives the bytes of the plain function, over nasty values too."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from raymill.flow import Rows, State, as_declared

NASTY = [0.0, -0.0, 5e-324, -5e-324, 2.0**53, 1.7976931348623157e308, -1.7976931348623157e308, 1.5]


@pytest.mark.parametrize(
    ("task", "parameters", "missing"),
    [
        ("kalman_filter", {}, False),
        ("block_window_average", {"window": 3}, False),
        ("interpolation", {"window": 3}, True),
        ("interpolation", {"window": 0}, True),
        ("sliding_linear_regression", {"window": 4, "horizon": 3}, False),
        ("pi_by_viete", {"iters": 40}, False),
    ],
)
def test_bit_for_bit(task: str, parameters: dict[str, Any], missing: bool) -> None:
    chance = np.random.default_rng(7)
    count, keys = 3000, 20
    values = np.where(
        chance.random(count) < 0.2, chance.choice(NASTY, count), chance.normal(20, 5, count)
    )
    if missing:
        values[chance.random(count) < 0.1] = np.nan
    slot = chance.integers(0, keys, count).astype(np.int32)
    for array in (values, slot):
        array.flags.writeable = False
    step: Any = as_declared(task).bound(**parameters).lift()
    answers, tables = [], []
    for one in (step, replace(step, compiled=False)):
        spec = one.spec()
        state = State(spec.state) if spec.state is not None else None
        if state is not None:
            state.grow(keys)
            tables.append(state)
        columns = {"value": values} if spec.reads else {}
        answers.append(one.apply(Rows(columns, count, slot), state))
    compiled, plain = answers
    emitted = compiled.code == 0
    assert (compiled.code == plain.code).all()
    for name, column in compiled.columns.items():
        mine, other = (
            cells.to_pylist() if hasattr(cells, "to_pylist") else cells.tolist()
            for cells in (column, plain.columns[name])
        )
        pairs = [(a, b) for a, b, out in zip(mine, other, emitted, strict=True) if out]
        assert all(repr(a) == repr(b) for a, b in pairs), name
    if tables:
        assert tables[0].table.tobytes() == tables[1].table.tobytes()
