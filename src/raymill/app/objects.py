"""Objects that a user names: `module:object`, `FILE.py:object`."""

import sys
from pathlib import Path
from typing import Any

from raymill.errors import ConfigError, RaymillError
from raymill.flow import registry


def load_object(reference: str, folder: Path | None = None) -> Any:
    """Load an object; a file lies in `folder`, a module may lie here. Raises ConfigError."""
    place, _, name = reference.rpartition(":")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:  # as `python -m` finds modules
        sys.path.insert(0, here)
    try:
        return registry.locate(f"{in_folder(place, folder)}:{name}")
    except RaymillError:
        raise
    except Exception as error:  # whatever the user's module raises while it is loaded
        raise ConfigError(
            f"`{place}` cannot be loaded: {type(error).__name__}: {error}",
            hint="run it again with -v to see where",
        ) from error


def in_folder(place: str, folder: Path | None) -> str:
    """A `.py` file's path as seen from `folder`; anything else as it is.

    >>> in_folder("tasks.py", Path("etl")), in_folder("package.tasks", Path("etl"))
    ('etl/tasks.py', 'package.tasks')
    """
    return str(folder / place) if folder is not None and place.endswith(".py") else place
