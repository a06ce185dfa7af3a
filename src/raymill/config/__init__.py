"""Every setting: typed, with default and unit, from the environment or a settings file.

`settings()` is read when it is first asked for and kept; `reset()` forgets it.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raymill.config.sections import Settings


@lru_cache(maxsize=1)
def settings() -> "Settings":
    """The settings in force: `settings().streams.key_groups`."""
    from raymill.config.sections import Settings

    return Settings()


def reset() -> None:
    """Read the settings anew when they are next asked for."""
    settings.cache_clear()
