"""Named places where a test can make the program fail; without a plan each costs a look-up."""

from collections.abc import Callable

_plan: dict[str, Callable[[], None]] = {}
_watchers: list[Callable[[str], None]] = []


def point(name: str) -> None:
    """Mark a place that a fault plan can hit; does nothing unless one names it."""
    if _plan and (action := _plan.get(name)) is not None:
        action()
    for watcher in _watchers:
        watcher(name)


def watch(watcher: Callable[[str], None]) -> None:
    """Call `watcher` with the name of each fault point that is passed."""
    _watchers.append(watcher)


def unwatch(watcher: Callable[[str], None]) -> None:
    """Call `watcher` no more."""
    _watchers.remove(watcher)


def arm(name: str, action: Callable[[], None]) -> None:
    """Run `action` each time the fault point `name` is passed."""
    _plan[name] = action


def disarm() -> None:
    """Forget every armed fault point and every watcher."""
    _plan.clear()
    _watchers.clear()
