"""Where things lie: what raymill keeps, and the user's cache folder for compiled code.

Read without pydantic, since the compiled kernels ask for their folder when they are imported.
"""

import sys
from pathlib import Path

from raymill import __version__
from raymill.config.find import find

SECTION = "paths"
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
    """Where compiled code is kept, apart for each version of raymill and Python."""
    return (
        cache_home() / f"compiled-{__version__}-py{sys.version_info.major}{sys.version_info.minor}"
    )
