"""XXH64 is that of the specification, byte for byte."""

import numpy as np
import pyarrow as pa
import pytest

from raymill.engines.hashing import hash_texts

# https://github.com/Cyan4973/xxHash, cli/xsum_sanity_check.c: lengths of the test buffer, seed 0
VECTORS = {
    0: 0xEF46DB3751D8E999,
    1: 0xE934A84ADB052768,
    4: 0x9136A0DCA57457EE,
    14: 0x8282DCC4994E35C8,
    222: 0xB641AE8CB691C174,
}


def buffer(size: int) -> bytes:
    """The test buffer of the same file."""
    found, generator = bytearray(), 2654435761
    for _ in range(size):
        found.append(generator >> 56)
        generator = generator * 11400714785074694797 % 2**64
    return bytes(found)


def texts(*cells: bytes) -> pa.Array:
    """Bytes as a string column, whether they are text or not."""
    offsets = np.cumsum([0, *map(len, cells)]).astype(np.int32)
    parts = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(cells) + b"?")]
    return pa.Array.from_buffers(pa.string(), len(cells), parts)


@pytest.mark.parametrize("size", VECTORS)
def test_the_vectors_of_the_reference(size: int) -> None:
    assert hash_texts(texts(buffer(size)))[0] == VECTORS[size]


def test_a_word_that_others_publish() -> None:
    # the front page of https://pypi.org/project/xxhash
    assert hash_texts(pa.array(["xxhash"]))[0] == 0x32DD38952C4BC720


def test_where_a_text_lies_makes_no_difference() -> None:
    words = [buffer(size) for size in (3, 8, 31, 32, 33, 64, 1)]
    together = hash_texts(texts(*words))
    assert together.tolist() == [hash_texts(texts(word))[0] for word in words]
    assert hash_texts(texts(*words)[2:5]).tolist() == together[2:5].tolist()


def test_dictionaries_and_nulls() -> None:
    plain = pa.array(["a", None, "b", "a"])
    assert hash_texts(plain)[1] == VECTORS[0]
    coded = pa.DictionaryArray.from_arrays(pa.array([1, 0, 1]), pa.array(["a", "b"]))
    assert hash_texts(coded).tolist() == hash_texts(pa.array(["b", "a", "b"])).tolist()
    assert len(hash_texts(pa.array([], pa.string()))) == 0
