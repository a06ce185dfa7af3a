"""`raymill keys`: who may ask the HTTP API, and for what."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from raymill.cli.report import show_json, show_table

if TYPE_CHECKING:
    from raymill.state.keys import Key

HEADINGS = ("id", "name", "scope", "rate", "created", "revoked")


def create(
    name: str,
    /,
    *,
    scope: Literal["read", "write", "admin"] = "read",
    rate: float | None = None,
    json_: bool = False,
) -> None:
    """Make a key; its secret is written once, to standard output, and kept nowhere.

    Parameters
    ----------
    name
        Whose key it is; a key in force has the name alone.
    scope
        What it allows: read, write (read as well), admin (everything).
    rate
        Requests a second that it may make; 0 is any number. `serve.key_rate` by default.
    json_
        Write the key and its secret as JSON.
    """
    from raymill.app.keys import stored_keys

    made = stored_keys().create(name, scope, rate)
    if json_:
        show_json({**_about(made.key), "secret": made.secret})
        return
    sys.stdout.write(f"{made.secret}\n")
    sys.stdout.flush()
    sys.stderr.write(f"made key {made.key.id} of {name}; keep the line above, it is shown once\n")


def ls(*, json_: bool = False) -> None:
    """List the keys, the newest first; those that were revoked too.

    Parameters
    ----------
    json_
        Write a JSON list instead of a table.
    """
    from raymill.app.keys import stored_keys

    found = [_about(key) for key in stored_keys().ls()]
    if json_:
        show_json(found)
    else:
        rows = [[_cell(one[name]) for name in HEADINGS] for one in found]
        show_table(HEADINGS, rows, stream=sys.stdout, numbers_from=len(HEADINGS))


def revoke(key: str, /) -> None:
    """Revoke a key; whatever serves the API refuses it a second or two later.

    Parameters
    ----------
    key
        Its id, or its name.
    """
    from raymill.app.keys import stored_keys

    found = stored_keys().revoke(key)
    sys.stderr.write(f"revoked {found.id} of {found.name}\n")


def _about(key: "Key") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scope": key.scope,
        "rate": key.rate,
        "created": _time(key.created),
        "revoked": None if key.revoked is None else _time(key.revoked),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
