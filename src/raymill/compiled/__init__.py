"""The one door to numba: where compiled code is kept, and under which rules it is made.

No fastmath anywhere: the same bytes on every engine. Compiled code lies in the user's cache folder.
"""

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, TypeVar, cast

from raymill.config.paths import compiled_folder

F = TypeVar("F", bound=Callable[..., Any])


class Kernel:
    """A function that numba compiles at its first call, and no sooner: to load numba takes longer
    than a service may take to start."""

    def __init__(self, function: Callable[..., Any], **rules: Any) -> None:
        update_wrapper(self, function)
        self.py_func = function
        self._rules = rules

    @cached_property
    def made(self) -> Any:
        """What numba makes of the function."""
        import numba

        numba.config.CACHE_DIR = str(compiled_folder())
        rules = {"nogil": True, "cache": True, "error_model": "numpy", **self._rules}
        return numba.njit(**rules)(self.py_func)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the compiled function."""
        return self.made(*given, **named)

    def __reduce__(self) -> str:
        """Travel by name, as functions do."""
        return self.py_func.__qualname__

    @property
    def targetoptions(self) -> Any:
        """The rules, where numba looks for them when another kernel calls this one."""
        return self.made.targetoptions

    @property
    def _numba_type_(self) -> Any:
        from numba import typeof

        return typeof(self.made)


def kernel(function: F) -> F:
    """Compile a loop over columns: without the GIL, cached; the caller checks indices."""
    return cast(F, Kernel(function))


def bare(function: F) -> F:
    """Compile a loop that makes no array: whose arrays are in use is not counted, which costs more
    than a short inlined function does."""
    return cast(F, Kernel(function, _nrt=False))


def inline(function: F) -> F:
    """Compile a small function that kernels call."""
    return cast(F, Kernel(function, inline="always"))


def plain(function: F) -> F:
    """The Python function that a kernel was compiled from: the same arithmetic without numba."""
    return getattr(function, "py_func", function)
