"""How compiled code does what numba does not offer; `memory` has it for kernels. Loads numba."""

from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

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


def _copy_bytes(context: Any, out: Any, at: Any, text: Any, start: Any, size: Any) -> Any:
    signature = types.void(out, types.int64, text, types.int64, types.int64)

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, at, text, start, size = arguments
        target = context.make_array(signature.args[0])(context, builder, out).data
        origin = context.make_array(signature.args[2])(context, builder, text).data
        to, since = builder.gep(target, [at]), builder.gep(origin, [start])
        cast(Any, cgutils).raw_memcpy(builder, to, since, size, 1, align=1)
        return context.get_dummy_value()

    return signature, build


fetch: Any = intrinsic(_fetch)
byte: Any = intrinsic(_byte)
load8: Any = intrinsic(_load8)
store8: Any = intrinsic(_store8)
store: Any = intrinsic(_store)
low_byte: Any = intrinsic(_low_byte)
copy_bytes: Any = intrinsic(_copy_bytes)
