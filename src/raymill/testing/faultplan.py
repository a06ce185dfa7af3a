"""What goes wrong, and how often: for processes of a simulation, and for real ones."""

import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from raymill import faults


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """How often what goes wrong: chances between 0, never, and 1, always.

    Of an orchestrator, at each point that it passes: `kills` end its process; `freezes` stop all
    of it, and `stalls` its loop alone, often for longer than its lease.
    Of a commit: `slow_disks` take long, `full_disks` refuse it, and `torn_commits` write it and
    say that they did not. Of a look into the store: `unreadable` refuse it.
    Of an attempt: `losses` end its worker, before or behind what the step does; `hangs` take it
    over its timeout; `unstarted` attempts come back as never begun; `lies` say of an attempt that
    goes on that it was lost or never began; `duplicates` tell a result twice; `late` results
    take long; `zombies` go on without their orchestrator and report to the next one.
    Of a submission: `repeats` send it again; `refusals` lose it before it is acknowledged.
    Of the clock: `set_back` sets it back when a process starts.

    >>> FaultPlan(kills=0.01).named()
    'kills=0.01'
    """

    kills: float = 0.0
    freezes: float = 0.0
    stalls: float = 0.0
    slow_disks: float = 0.0
    full_disks: float = 0.0
    torn_commits: float = 0.0
    unreadable: float = 0.0
    losses: float = 0.0
    hangs: float = 0.0
    unstarted: float = 0.0
    lies: float = 0.0
    duplicates: float = 0.0
    late: float = 0.0
    zombies: float = 0.0
    repeats: float = 0.0
    refusals: float = 0.0
    set_back: float = 0.0

    def __post_init__(self) -> None:
        for name, chance in self._given():
            if not 0 <= chance <= 1:
                raise ValueError(f"FaultPlan({name}={chance}): a chance lies between 0 and 1")

    @classmethod
    def everything(cls) -> "FaultPlan":
        """A little of everything."""
        return _EVERYTHING

    def but(self, **chances: float) -> "FaultPlan":
        """The same with other chances."""
        return replace(self, **chances)

    def named(self) -> str:
        """The chances that are not 0."""
        return ", ".join(f"{name}={chance:g}" for name, chance in self._given() if chance)

    def arm(
        self, seed: int | None = None, *, told: Callable[[str], None] = lambda name: None
    ) -> None:
        """Let this very process be killed and stopped at its fault points, as often as planned.

        `kills` send it SIGKILL, `freezes` SIGSTOP, for whoever started it to continue or end it;
        told: called with the name of the point before.
        """
        chance = random.Random(seed)

        def strike(name: str) -> None:
            drawn = chance.random()
            if drawn < self.kills + self.freezes:
                told(name)
                os.kill(os.getpid(), signal.SIGKILL if drawn < self.kills else signal.SIGSTOP)

        faults.watch(strike)

    def _given(self) -> list[tuple[str, float]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


_EVERYTHING = FaultPlan(
    kills=0.003,
    freezes=0.002,
    stalls=0.002,
    slow_disks=0.03,
    full_disks=0.002,
    torn_commits=0.002,
    unreadable=0.001,
    losses=0.06,
    hangs=0.1,
    unstarted=0.04,
    lies=0.04,
    duplicates=0.08,
    late=0.1,
    zombies=0.5,
    repeats=0.2,
    refusals=0.1,
    set_back=0.3,
)
