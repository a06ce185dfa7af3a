"""Rows of text put together from constants and cells."""

import numpy as np
import pyarrow as pa

from raymill.connectors.assembly import Cells, assemble, choose, cut, join

MASK = np.array([True, False, True])


def test_constants_and_cells_alternate_in_the_order_given() -> None:
    names, units = Cells.of([b"a", b"", b"ccc"]), Cells.of([b"1", b"22", b"3"])
    text = assemble(3, [b"<", names, b"|", units, b"|", names, b">\n"])
    assert text.to_bytes() == b"<a|1|a>\n<|22|>\n<ccc|3|ccc>\n"


def test_no_rows_and_no_parts_give_no_text() -> None:
    assert assemble(0, [b"<", Cells.of([]), b">"]).to_bytes() == b""
    assert assemble(2, []).to_bytes() == b""


def test_masked_cells_hold_the_other_text() -> None:
    cells = Cells.of([b"1", b"2", b"3"]).where(MASK, b"null")
    assert assemble(3, [cells, b" "]).to_bytes() == b"1 null 3 "


def test_replaced_cells_take_the_others_in_order() -> None:
    cells = Cells.of([b"1", b"2", b"3"]).replace(MASK, Cells.of([b"one", b"three"]))
    assert assemble(3, [cells, b" "]).to_bytes() == b"one 2 three "


def test_taken_cells_may_repeat() -> None:
    cells = Cells.of([b"x", b"yy"]).take(np.array([1, 1, 0]))
    assert assemble(3, [cells, b" "]).to_bytes() == b"yy yy x "


def test_chosen_cells_follow_the_mask() -> None:
    assert assemble(3, [choose(MASK, b"yes", b"no"), b" "]).to_bytes() == b"yes no yes "
    assert assemble(3, [choose(MASK, b","), b"x"]).to_bytes() == b",xx,x"


def test_a_slice_of_text_is_a_run_of_its_rows() -> None:
    text = assemble(3, [Cells.of([b"a", b"bb", b"c"]), b"\n"])
    assert text.slice(1, 2).to_bytes() == b"bb\nc\n"
    assert text.slice(1, 1).num_rows == 1
    assert join([text.slice(2, 1), text.slice(0, 2)]).to_bytes() == b"c\na\nbb\n"


def test_text_becomes_a_column_of_strings() -> None:
    text = assemble(3, [Cells.of([b"a", "é".encode(), b""])])
    assert text.to_array().to_pylist() == ["a", "é", ""]
    assert text.slice(1, 2).to_array().to_pylist() == ["é", ""]


def test_a_batch_is_cut_into_slices() -> None:
    batch = pa.record_batch({"a": [1, 2, 3, 4, 5]})
    assert [part.num_rows for part in cut(batch, 2)] == [2, 2, 1]
    assert list(cut(batch.slice(0, 0), 2)) == []
