"""What a process that is raymill's own asks of its libraries, before they are loaded, and what it
gives on to others."""

import os
import sys
from collections.abc import Iterable, Mapping

from raymill.config.find import variables


def settle() -> None:
    """Let Arrow take its memory from the allocator that gives it back: as fast, and an eighth less
    at the peak of a run. A choice that the user made stays."""
    if sys.platform == "linux":
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")


def default(values: Mapping[str, str]) -> None:
    """Set variables that libraries read; one that is set stays as it is."""
    for name, value in values.items():
        os.environ.setdefault(name, value)


def given_on() -> dict[str, str]:
    """The settings of this process, for one on another machine; secrets are among them.

    Not those of Ray itself, which has its own on each machine.
    """
    from raymill.config.sections import SECTIONS

    names = [(section, name) for section in SECTIONS for name in section.model_fields]
    aliases = {alias for section, name in names for alias in section.aliases(name)}
    ours = variables() | {alias for alias in aliases if not alias.startswith("RAY_")}
    return {name: os.environ[name] for name in sorted(ours) if name in os.environ}


def drop(names: Iterable[str]) -> None:
    """Forget settings of this process, as if nobody had given them."""
    from raymill import config

    for name in names:
        os.environ.pop(name, None)
    config.reset()


def take(given: Mapping[str, str]) -> None:
    """Make settings that another process gave on this one's."""
    from raymill import config

    os.environ.update(given)
    config.reset()
