"""Thrift's compact protocol: bytes worked out from its specification, and a real footer."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raymill.connectors import thrift
from raymill.connectors.thrift import BINARY, BYTE, DOUBLE, I16, I32, I64, LIST, SET, STRUCT, TRUE

# field header: step to the field number in the high half, type in the low half; numbers zigzag
SPECIFIED = {
    "15 02 00": {1: (I32, 1)},
    "16 01 00": {1: (I64, -1)},
    "14 ac 02 00": {1: (I16, 150)},
    "28 02 68 69 00": {2: (BINARY, b"hi")},
    "11 12 00": {1: (TRUE, True), 2: (TRUE, False)},
    "05 28 02 00": {20: (I32, 1)},
    "19 25 02 04 00": {1: (LIST, (I32, [1, 2]))},
    "1a 21 01 02 00": {1: (SET, (TRUE, [True, False]))},
    "1c 15 02 00 00": {1: (STRUCT, {1: (I32, 1)})},
    "13 7f 00": {1: (BYTE, b"\x7f")},
    "17 00 00 00 00 00 00 f0 3f 00": {1: (DOUBLE, bytes.fromhex("000000000000f03f"))},
    "19 f5 10" + " 00" * 16 + " 00": {1: (LIST, (I32, [0] * 16))},
}


@pytest.mark.parametrize("text", SPECIFIED)
def test_structures_are_read_and_written_as_specified(text: str) -> None:
    data = bytes.fromhex(text)
    read = thrift.read(data)
    expected = SPECIFIED[text]
    assert {number: value for number, (_, value) in read.items()} == {
        number: value for number, (_, value) in expected.items()
    }
    assert thrift.write(read) == thrift.write(expected) == data


@pytest.mark.parametrize("number", [0, 1, -1, 63, -64, 64, 2**31, 2**63 - 1, -(2**63)])
def test_numbers_of_every_size_read_back(number: int) -> None:
    assert thrift.read(thrift.write({1: (I64, number)})) == {1: (I64, number)}


def test_an_unknown_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="Thrift type 14"):
        thrift.read(bytes.fromhex("1e 00"))


def test_a_real_footer_is_written_as_it_was_read() -> None:
    sink = pa.BufferOutputStream()
    columns = {"a": [1, 2], "b": ["x", None], "c": [[1.5], []]}
    pq.write_table(pa.table(columns), sink, row_group_size=1, write_page_index=True)
    data = sink.getvalue().to_pybytes()
    size = int.from_bytes(data[-8:-4], "little")
    footer = data[-8 - size : -8]
    assert thrift.write(thrift.read(footer)) == footer
