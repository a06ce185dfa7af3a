"""What is installed, read from package metadata; nothing is imported."""

import re
from functools import cache
from importlib import metadata

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)")


def library_version(name: str) -> str | None:
    """The installed version of a library, None without it."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def extras() -> list[str]:
    """The extras of raymill whose libraries are all installed."""
    return [name for name, needed in sorted(_needs().items()) if all(map(library_version, needed))]


def extra_with(module: str) -> str | None:
    """The smallest extra that brings a library, by the name it is imported under."""
    needs = _needs()
    bringing = [
        extra
        for extra, needed in needs.items()
        if module in (name.replace("-", "_") for name in needed)
    ]
    return min(bringing, key=lambda extra: len(needs[extra]), default=None)


def registered(group: str) -> list[str]:
    """The names that packages registered in an entry point group."""
    return sorted({point.name for point in metadata.entry_points(group=group)})


@cache
def _needs() -> dict[str, list[str]]:
    about = metadata.metadata("raymill")
    needs: dict[str, list[str]] = {name: [] for name in about.get_all("Provides-Extra") or []}
    for line in about.get_all("Requires-Dist") or []:
        name, extra = _NAME.match(line), _EXTRA.search(line)
        if name and extra and name[0] != "raymill":
            needs[extra[1]].append(name[0])
    return needs
