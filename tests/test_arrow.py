import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from raymill import arrow

NUMBERS = pa.array([3, 1, None, 2])


@pytest.mark.parametrize("places", [[1, 0], np.array([1, 0]), pa.array([1, 0])])
def test_take_accepts_places_of_any_kind(places: object) -> None:
    assert arrow.take(NUMBERS, places).to_pylist() == [1, 3]


def test_take_refuses_a_place_that_does_not_exist() -> None:
    with pytest.raises(pa.ArrowIndexError):
        arrow.take(NUMBERS, [4])


def test_rows_keep_their_kind() -> None:
    batch = pa.RecordBatch.from_pydict({"x": [1, 2, 3]})
    table = pa.table({"x": [1, 2, 3]})
    for rows in (batch, table):
        kept = arrow.keep_rows(rows, arrow.greater(rows["x"], 1))
        assert type(kept) is type(rows)
        assert kept["x"].to_pylist() == [2, 3]
        assert arrow.take_rows(rows, [2])["x"].to_pylist() == [3]


def test_a_column_takes_the_place_of_the_one_of_its_name() -> None:
    batch = pa.RecordBatch.from_pydict({"x": [1], "y": [2]})
    assert arrow.with_column(batch, "x", np.array([0.5])).to_pydict() == {"x": [0.5], "y": [2]}
    assert arrow.with_column(batch, "z", np.array([3])).schema.names == ["x", "y", "z"]


def test_combining_gives_one_array() -> None:
    assert arrow.combine(pa.chunked_array([[1, 2], [3]])).to_pylist() == [1, 2, 3]
    assert arrow.combine(pa.chunked_array([[1, 2]])).to_pylist() == [1, 2]
    assert arrow.combine(pa.chunked_array([], pa.int64())).to_pylist() == []
    assert arrow.combine(NUMBERS) is NUMBERS


def test_a_dictionary_is_decoded_to_its_values() -> None:
    texts = pa.array(["a", "b", None, "a"])
    encoded = arrow.dictionary_encode(texts)
    assert arrow.is_dictionary(encoded)
    assert arrow.dictionary_decode(encoded).equals(texts)
    assert arrow.dictionary_decode(texts) is texts


def test_places_in_a_set_are_null_for_strangers() -> None:
    assert arrow.index_in(NUMBERS, pa.array([1, 2])).to_pylist() == [None, 0, None, 1]
    assert arrow.is_in(NUMBERS, pa.array([1, 2])).to_pylist() == [False, True, False, True]


def test_counting_true_ignores_null_and_emptiness() -> None:
    assert arrow.count_true(pa.array([True, None, False, True])) == 2
    assert arrow.count_true(pa.array([], pa.bool_())) == 0
    assert not arrow.any_true(pa.array([], pa.bool_()))


def test_a_cast_that_loses_something_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        arrow.cast(pa.array([1.5]), pa.int64())
    assert arrow.cast(pa.array([1.5]), pa.int64(), safe=False).to_pylist() == [1]


def test_sorting_keeps_the_order_of_equals_and_puts_nulls_last() -> None:
    assert arrow.sort_indices(pa.array([2, 1, None, 1])).to_pylist() == [1, 3, 0, 2]
    assert arrow.min_max(NUMBERS) == (1, 3)
    assert arrow.unique(pa.array(["b", "a", "b"])).to_pylist() == ["b", "a"]


def test_texts_are_joined_and_put_side_by_side() -> None:
    left, right = pa.array(["a", None]), pa.array(["b", "c"])
    assert arrow.join(left, right, separator="-").to_pylist() == ["a-b", "c"]
    assert arrow.join(left, right, nulls="emit_null").to_pylist() == ["ab", None]
    assert arrow.struct([left], ["x"]).to_pylist() == [{"x": "a"}, {"x": None}]


@pytest.mark.system
def test_arrow_loads_no_pandas_and_understands_it_where_others_load_it() -> None:
    code = (
        "import sys, pyarrow as pa, raymill.arrow, raymill.state.lake_files\n"
        "import pyarrow.dataset\n"
        "pa.array([1.0]).to_numpy()\n"
        "print('pandas' in sys.modules)\n"
        "import importlib.util; importlib.util.find_spec('pandas')\n"
        "print('pandas' in sys.modules)\n"
        "import pandas\n"
        "values = pandas.Series(['a', None, 'b', float('nan')], dtype=object)\n"
        "print(pa.array(values).null_count, pa.array([1]).to_pandas().sum())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "2", "1"]


@pytest.mark.system
def test_pandas_that_arrow_cannot_use_is_loaded_all_the_same(tmp_path: Path) -> None:
    old = tmp_path / "pandas"
    old.mkdir()
    (old / "__init__.py").write_text("__version__ = '0.20.0'\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import raymill.arrow, pandas\n"
        "print(pandas.__version__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["0.20.0"], done.stderr
