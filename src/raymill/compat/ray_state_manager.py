"""`RayStateManager`: the states of tickers, through an actor."""

from pathlib import Path
from typing import Any

from raymill.compat.actors import LASTS, Place, here, make
from raymill.compat.state_manager import StateManager


class RayStateManager(StateManager):
    """`StateManager` on a Ray actor: `RayStateManager.remote("processing")`.

    Every method is called with `.remote(...)`. It keeps nothing that is not on the disk.
    """

    def __init__(self, state_dir: str | Path, place: Place) -> None:
        place.move_in()
        self._begin(state_dir)

    @classmethod
    def remote(cls, state_dir: str | Path) -> Any:
        """Make the actor. Raises ConfigError, EngineUnavailable here, and not on first use."""
        return make("state manager", cls, str(Path(state_dir).absolute()), here(), **LASTS)

    def answers(self) -> None:
        """Answer. Raises what the beginning raised."""
        self._begun.get()
