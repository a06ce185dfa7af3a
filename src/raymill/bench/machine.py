"""The machine and the versions that figures belong to."""

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

LIBRARIES = ("raymill", "numpy", "numba", "pyarrow", "orjson", "lxml", "ray")


@dataclass(frozen=True)
class Machine:
    """What figures were measured on, and how busy it was when they began."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    load: float  # processes that wanted a core in the minute before
    versions: dict[str, str]


def this_machine() -> Machine:
    """Look at the machine."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(pages / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        load=round(os.getloadavg()[0], 2),
        versions={"python": platform.python_version(), **_versions()},
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
