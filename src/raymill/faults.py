"""Named places where a test can make the program fail; without a plan each costs a look-up."""

from collections.abc import Callable

EVERY = "*"
_plan: dict[str, Callable[[], None]] = {}


def point(name: str) -> None:
    """Mark a place that a fault plan can hit; does nothing unless one names it."""
    if _plan and (action := _plan.get(name) or _plan.get(EVERY)) is not None:
        action()


def arm(name: str, action: Callable[[], None]) -> None:
    """Run `action` each time the fault point `name` is passed; `EVERY` stands for all of them."""
    _plan[name] = action


def disarm() -> None:
    """Forget every armed fault point."""
    _plan.clear()
