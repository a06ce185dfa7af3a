"""Memory by address: single bytes, and eight at a time, unaligned, which numba does not offer.

Kernels pass addresses, since an array costs seven arguments a call. Whoever calls a kernel keeps
the array alive and minds its end.
"""

from functools import cached_property
from typing import Any

import numpy as np

from raymill.compiled import kernel


class Intrinsic:
    """What a kernel may call, by its name in `intrinsics`; loaded when the kernel is compiled."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def _numba_type_(self) -> Any:
        from numba.core.registry import cpu_target

        from raymill.compiled import intrinsics

        known = cpu_target.typing_context
        known.refresh()  # it may be loaded in the middle of a compilation
        return known.resolve_value_type(getattr(intrinsics, self.name))


fetch: Any = Intrinsic("fetch")
"""Have the memory of one place of an array at hand soon; a place beyond its end does no harm."""

byte: Any = Intrinsic("byte")
"""The byte at an address, as an int64."""

load8: Any = Intrinsic("load8")
"""The 8 bytes at an address, as an unsigned number."""

store8: Any = Intrinsic("store8")
"""Write 8 bytes at an address."""

store: Any = Intrinsic("store")
"""Write one byte at an address."""

low_byte: Any = Intrinsic("low_byte")
"""Which byte holds the lowest set bit of a word (8 if none)."""

copy_bytes: Any = Intrinsic("copy_bytes")
"""Copy so many bytes from a place of one array to a place of another: out, at, text, start, size.

Nothing is checked: the places must lie inside both arrays of bytes. A loop is three times slower.
"""


@kernel
def address(array: Any) -> Any:
    """Where the bytes of an array lie."""
    return np.int64(array.ctypes.data)
