"""Copying bytes inside compiled code."""

from typing import Any, cast

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _copy_bytes(context: Any, out: Any, at: Any, text: Any, start: Any, size: Any) -> Any:
    """Copy `size` bytes of `text` from `start` to `out` at `at` (a loop is three times slower).

    Nothing is checked: the places must lie inside both arrays of bytes.
    """
    signature = types.void(out, types.int64, text, types.int64, types.int64)

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, at, text, start, size = arguments
        target = context.make_array(signature.args[0])(context, builder, out).data
        origin = context.make_array(signature.args[2])(context, builder, text).data
        to, since = builder.gep(target, [at]), builder.gep(origin, [start])
        cast(Any, cgutils).raw_memcpy(builder, to, since, size, 1, align=1)
        return context.get_dummy_value()

    return signature, build


copy_bytes: Any = intrinsic(_copy_bytes)
