"""Who a process is, so that another one can tell whether it still lives."""

import os
import socket
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
NUMBERS = Path("/proc/self/ns/pid")  # whose processes have numbers here: a container's


def owner(pid: int | None = None) -> str:
    """Name a process, this one unless told: machine and its start, number, start of the process."""
    pid = pid or os.getpid()
    return "/".join((socket.gethostname(), _sight(), str(pid), _started(pid)))


def alive(name: str) -> bool | None:
    """Whether the process of that name lives; None if it cannot be seen from here.

    That is so on another machine or in another container, also where these bear the same name, and
    after the machine was started anew.
    """
    parts = name.split("/")
    if len(parts) != 4 or parts[:2] != [socket.gethostname(), _sight()] or not parts[3]:
        return None
    return _started(int(parts[2])) == parts[3]


def machine(name: str) -> str:
    """The machine of an owner."""
    return name.partition("/")[0]


def boot() -> str:
    """Name the start of this machine, empty where it has no name."""
    return BOOT.read_text().strip() if BOOT.is_file() else ""


def _sight() -> str:
    """What can be seen from here: processes of this start of the machine, of this container."""
    return f"{boot()}.{NUMBERS.stat().st_ino if NUMBERS.exists() else 0}"


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]
