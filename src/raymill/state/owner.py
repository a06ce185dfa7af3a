"""Who a process is, so that another one can tell whether it still lives."""

import os
import socket
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")


def owner(pid: int | None = None) -> str:
    """Name a process, this one unless told: machine and its start, number, start of the process."""
    pid = pid or os.getpid()
    return "/".join((socket.gethostname(), boot(), str(pid), _started(pid)))


def alive(name: str) -> bool | None:
    """Whether the process of that name lives; None if it is on another machine."""
    parts = name.split("/")
    if len(parts) != 4 or parts[0] != socket.gethostname() or not parts[3]:
        return None
    return parts[1] == boot() and _started(int(parts[2])) == parts[3]


def machine(name: str) -> str:
    """The machine of an owner."""
    return name.partition("/")[0]


def boot() -> str:
    """Name the start of this machine, empty where it has no name."""
    return BOOT.read_text().strip() if BOOT.is_file() else ""


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]
