"""`raymill doctor`: what is installed, where things lie, and what stands in the way."""

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from raymill import __version__
from raymill.cli.config import unread_text
from raymill.cli.failures import DONE, FAILED
from raymill.cli.installed import extras, library_version, registered
from raymill.cli.report import show_json, show_table
from raymill.config.find import settings_file
from raymill.config.paths import compiled_folder, home
from raymill.config.sections import unread_variables
from raymill.config.show import shown
from raymill.errors import RaymillError

LIBRARIES = ("numpy", "numba", "pyarrow", "orjson", "lxml", "ray")
CLOCKS_S = 1.0
HEADINGS = ("check", "state", "found")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and what to do where it is not `ok`."""

    name: str
    found: str
    state: Literal["ok", "warning", "problem"] = "ok"
    hint: str = ""


def doctor(*, json_: bool = False) -> int:
    """Check this machine and the installation; exit code 1 if something stands in the way.

    Parameters
    ----------
    json_
        Write a JSON list of checks instead of a table.
    """
    found = list(checks())
    if json_:
        show_json([asdict(check) for check in found])
    else:
        rows = [(check.name, check.state, check.found) for check in found]
        show_table(HEADINGS, rows, stream=sys.stdout, numbers_from=len(HEADINGS))
        for check in found:
            if check.hint:
                sys.stderr.write(f"{check.state}: {check.name}\nhint: {check.hint}\n")
    return FAILED if any(check.state == "problem" for check in found) else DONE


def checks() -> Iterator[Check]:
    """Look at everything, one after the other."""
    yield Check("raymill", __version__)
    yield Check("python", f"{sys.version.split()[0]} ({sys.platform}, {os.cpu_count()} CPUs)")
    yield from _folders()
    yield from _settings()
    for name in LIBRARIES:
        yield Check(name, library_version(name) or "not installed")
    yield _sqlite()
    yield from _database()
    yield Check("extras", ", ".join(extras()) or "none")
    for kind in ("engines", "tasks", "sources", "sinks"):
        names = registered(f"raymill.{kind}")
        listed = ", ".join(names) if len(names) <= 8 else f"{len(names)} registered"
        yield Check(kind, listed or "none")


def _folders() -> Iterator[Check]:
    for name, folder, variable in (
        ("home", home(), "RAYMILL_HOME"),
        ("compiled code", compiled_folder(), "RAYMILL_CACHE_HOME"),
    ):
        nearest = next(
            path for path in [folder.absolute(), *folder.absolute().parents] if path.exists()
        )
        made = "" if nearest == folder.absolute() else " (made on first write)"
        if nearest.is_dir() and os.access(nearest, os.W_OK):
            yield Check(name, f"{folder.absolute()}{made}")
        else:
            hint = f"make `{nearest}` a folder that can be written to, or set {variable}"
            yield Check(name, f"{folder.absolute()} cannot be written", "problem", hint)


def _settings() -> Iterator[Check]:
    try:
        settings = shown()
    except RaymillError as error:
        yield Check("settings", error.message, "problem", error.hint or "see `raymill config show`")
        return
    given = [row for row in settings if row.origin != "default"]
    file = settings_file()
    yield Check("settings", f"{len(given)} given, file: {file.absolute() if file else 'none'}")
    for name in unread_variables():
        yield Check("settings", unread_text(name, settings), "warning", f"unset {name}")


def _database() -> Iterator[Check]:
    from raymill.config import settings
    from raymill.state.postgres_session import server, shown

    try:
        url = settings().database.address
        if not url:
            return
        found = server(url)
    except RaymillError as error:
        yield Check("database", error.message, "problem", error.hint or "")
        return
    text = f"PostgreSQL {found.version} at {shown(url)}"
    if abs(found.ahead_s) < CLOCKS_S:
        yield Check("database", text)
        return
    apart = f"{abs(found.ahead_s):.1f} s {'ahead' if found.ahead_s > 0 else 'behind'}"
    hint = "let both machines follow a time server: leases are judged by these clocks"
    yield Check("database", f"{text}, its clock {apart} of this machine's", "warning", hint)


def _sqlite() -> Check:
    import apsw

    return Check("sqlite", f"{apsw.sqlite_lib_version()} (apsw {library_version('apsw')})")
