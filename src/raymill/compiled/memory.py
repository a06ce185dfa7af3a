"""Memory by address: single bytes, and eight at a time, unaligned, which numba does not offer.

Kernels pass addresses, since an array costs seven arguments a call. Whoever calls a kernel keeps
the array alive and minds its end.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from raymill.compiled import kernel

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)


def _byte(typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], _BYTE.as_pointer())
        return builder.zext(builder.load(place), _WORD)

    return types.int64(types.int64), generate


def _load8(typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], _WORD.as_pointer()), align=1)

    return types.uint64(types.int64), generate


def _store8(typing: Any, address: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], _WORD.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), generate


def _store(typing: Any, address: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], _BYTE.as_pointer())
        builder.store(builder.trunc(args[1], _BYTE), place)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


def _low_byte(typing: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zeros = builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))
        return builder.lshr(zeros, ir.Constant(_WORD, 3))

    return types.int64(types.uint64), generate


def _fetch(typing: Any, array: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        made = context.make_array(kind)(context, builder, args[0])
        address = builder.ptrtoint(made.data, _WORD)
        size = ir.Constant(_WORD, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
        address = builder.add(address, builder.mul(args[1], size))
        pointer = builder.inttoptr(address, _BYTE.as_pointer())
        word = ir.IntType(32)
        kinds = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), word, word, word])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [_BYTE.as_pointer()], kinds)
        builder.call(fetch, [pointer, *(ir.Constant(word, n) for n in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


fetch: Any = intrinsic(_fetch)
"""Have the memory of one place of an array at hand soon; a place beyond its end does no harm."""

byte: Any = intrinsic(_byte)
"""The byte at an address, as an int64."""

load8: Any = intrinsic(_load8)
"""The 8 bytes at an address, as an unsigned number."""

store8: Any = intrinsic(_store8)
"""Write 8 bytes at an address."""

store: Any = intrinsic(_store)
"""Write one byte at an address."""

low_byte: Any = intrinsic(_low_byte)
"""Which byte holds the lowest set bit of a word (8 if none)."""


@kernel
def address(array: Any) -> Any:
    """Where the bytes of an array lie."""
    return np.int64(array.ctypes.data)
