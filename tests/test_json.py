import numpy as np
import pytest

from raymill import json


def test_numpy_values_are_written() -> None:
    assert json.dumps({"x": np.float64(1.5), "y": np.array([1, 2])}) == b'{"x":1.5,"y":[1,2]}'


def test_nan_becomes_null() -> None:
    assert json.dumps([float("nan")]) == b"[null]"


def test_wrong_text_is_a_value_error() -> None:
    with pytest.raises(json.JSONError):
        json.loads("{")
    assert issubclass(json.JSONError, ValueError)
