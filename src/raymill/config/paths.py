"""Where things lie: what raymill keeps, and the user's cache folder for compiled code.

Read without pydantic, since the compiled kernels ask for their folder when they are imported.
"""

import hashlib
import sys
from functools import lru_cache
from pathlib import Path

from raymill import __version__
from raymill.config.find import find

SECTION = "paths"
KERNEL_ROOMS = ("compiled", "connectors", "engines", "flow", "market", "tasks")
HOME = "RAYMILL_HOME"
DEFAULT_HOME = ".raymill"
CACHE_HOME = "RAYMILL_CACHE_HOME"
DEFAULT_CACHE_HOME = "~/.cache"
CACHE_ALIASES = ("XDG_CACHE_HOME",)


def home() -> Path:
    """The folder under which raymill keeps everything (`RAYMILL_HOME`, default `./.raymill`)."""
    found = find(SECTION, "home", HOME)
    return Path(found.value if found else DEFAULT_HOME).expanduser()


def cache_home() -> Path:
    """The user's cache folder for raymill (in `XDG_CACHE_HOME`, default `~/.cache`)."""
    found = find(SECTION, "cache_home", CACHE_HOME, CACHE_ALIASES)
    return Path(found.value if found else DEFAULT_CACHE_HOME).expanduser() / "raymill"


def compiled_folder() -> Path:
    """Where compiled code is kept, apart for each version of raymill and Python, and for each state
    of the kernels: a cached kernel does not notice that one which it calls has changed."""
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    return cache_home() / f"compiled-{__version__}-{python}-{_kernels()}"


@lru_cache(maxsize=1)
def _kernels() -> str:
    """A fingerprint of the modules that hold kernels."""
    found = hashlib.blake2b(digest_size=6)
    for room in KERNEL_ROOMS:
        for path in sorted((Path(__file__).parents[1] / room).rglob("*.py")):
            text = path.read_bytes()
            if b"raymill.compiled" in text:
                found.update(text)
    return found.hexdigest()
