"""What a process that is raymill's own asks of its libraries, before they are loaded."""

import os
import sys


def settle() -> None:
    """Let Arrow take its memory from the allocator that gives it back: as fast, and an eighth less
    at the peak of a run. A choice that the user made stays."""
    if sys.platform == "linux":
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
