"""Plans of faults: what they say, and that they strike real processes."""

import signal
import subprocess
import sys

import pytest

from raymill.testing import FaultPlan

POINTS = """
from raymill import faults
from raymill.testing import FaultPlan
FaultPlan(kills={kills}).arm(seed=7, told=lambda name: print(name, flush=True))
for number in range(200):
    faults.point(f"p{{number}}")
"""


def test_a_plan_says_what_it_plans() -> None:
    assert FaultPlan(kills=0.01, late=1).named() == "kills=0.01, late=1"
    assert FaultPlan.everything().but(losses=0.0).losses == 0.0
    assert all(chance > 0 for _, chance in FaultPlan.everything()._given())


@pytest.mark.parametrize("chance", [-0.1, 1.1])
def test_a_chance_lies_between_0_and_1(chance: float) -> None:
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        FaultPlan(losses=chance)


@pytest.mark.system
def test_an_armed_plan_kills_the_process_at_the_same_point_for_the_same_seed() -> None:
    def ended(kills: float) -> tuple[int, str]:
        command = [sys.executable, "-c", POINTS.format(kills=kills)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout

    assert ended(1.0) == (-signal.SIGKILL, "p0\n")
    assert ended(0.0) == (0, "")
    assert ended(0.05) == ended(0.05)
