"""systemd takes the units of `deploy/systemd` as they are written."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.slow]

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
PROGRAM = "/opt/raymill/bin/raymill"


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_say_of_a_unit(
    unit: Path, tmp_path: Path, need: Callable[[object, str], None]
) -> None:
    need(shutil.which("systemd-analyze"), "systemd-analyze (apt install systemd)")
    text = unit.read_text()
    assert f"ExecStart={PROGRAM} " in text
    here = tmp_path / unit.name
    here.write_text(text.replace(PROGRAM, sys.executable))  # it has to be there
    done = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
