"""Bodies are whole or they are errors, however they arrive."""

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymill.net.body import Gunzip, unpacker
from raymill.net.failures import BodyBroken, BodyTooLarge

TEXT = b"".join(b"line %d of a report\n" % number for number in range(500))
PACKED = gzip.compress(TEXT, mtime=0)


def unpacked(data: bytes, size: int, most_bytes: int = 1 << 30) -> bytes:
    body = Gunzip(most_bytes)
    found = b"".join(
        piece for at in range(0, len(data), size) for piece in body.feed(data[at : at + size])
    )
    body.finish()
    return found


@given(st.integers(1, 4000))
def test_the_pieces_in_which_a_body_comes_make_no_difference(size: int) -> None:
    assert unpacked(PACKED, size) == TEXT


@given(st.integers(1, len(PACKED) - 1))
def test_packed_data_that_breaks_off_anywhere_is_an_error(length: int) -> None:
    with pytest.raises(BodyBroken, match="breaks off"):
        unpacked(PACKED[:length], 1000)


@given(st.integers(0, len(PACKED) - 1))
def test_a_changed_byte_is_an_error_or_changes_nothing(place: int) -> None:
    spoilt = bytearray(PACKED)
    spoilt[place] ^= 0x40
    with suppress(BodyBroken):
        assert unpacked(bytes(spoilt), 1000) == TEXT  # a byte of the head that says nothing


def test_several_members_and_padding_are_one_body() -> None:
    assert unpacked(PACKED + PACKED + bytes(100), 700) == TEXT + TEXT


def test_an_empty_body_is_whole() -> None:
    body = Gunzip(10)
    assert body.feed(b"") == []
    body.finish()


def test_a_body_larger_than_a_piece_is_whole() -> None:
    large = bytes(3 << 20) + b"end"
    assert unpacked(gzip.compress(large, mtime=0), 1 << 16) == large


def test_a_bomb_is_stopped_at_its_bound() -> None:
    with pytest.raises(BodyTooLarge):
        unpacked(gzip.compress(bytes(64 << 20), mtime=0), 1 << 16, most_bytes=2 << 20)


def test_plain_bodies_have_the_same_bound() -> None:
    body = unpacker("identity", 10)
    assert body.feed(b"0123456789") == [b"0123456789"]
    with pytest.raises(BodyTooLarge):
        body.feed(b"x")


def test_a_packing_that_was_not_asked_for_is_told() -> None:
    with pytest.raises(BodyBroken, match="`br`"):
        unpacker("br", 10)
