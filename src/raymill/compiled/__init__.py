"""The one door to numba: where compiled code is kept, and under which rules it is made.

No fastmath anywhere: the same bytes on every engine. Compiled code lies in the user's cache folder.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from raymill.config.paths import compiled_folder

F = TypeVar("F", bound=Callable[..., Any])


def _numba() -> Any:
    import numba

    numba.config.CACHE_DIR = str(compiled_folder())
    return numba


def kernel(function: F) -> F:
    """Compile a loop over columns: without the GIL, cached; the caller checks indices."""
    return _numba().njit(nogil=True, cache=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def bare(function: F) -> F:
    """Compile a loop that makes no array: whose arrays are in use is not counted, which costs more
    than a short inlined function does."""
    return _numba().njit(nogil=True, cache=True, error_model="numpy", _nrt=False)(function)  # type: ignore[no-any-return]


def inline(function: F) -> F:
    """Compile a small function that kernels call."""
    return _numba().njit(nogil=True, cache=True, error_model="numpy", inline="always")(function)  # type: ignore[no-any-return]


def plain(function: F) -> F:
    """The Python function that a kernel was compiled from: the same arithmetic without numba."""
    return getattr(function, "py_func", function)
