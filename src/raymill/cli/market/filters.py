"""`raymill filters`: filters that are stored under a name, for screens."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raymill import json
from raymill.cli.report import show_json, show_table
from raymill.errors import InputError, NotFound

if TYPE_CHECKING:
    from raymill.market.screen.stored import Custom

HEADINGS = ("filter", "version", "changed", "id", "conditions", "description")
WIDEST = 60


def ls(*, json_: bool = False) -> None:
    """List the stored filters by name.

    Parameters
    ----------
    json_
        Write a JSON list instead of a table.
    """
    from raymill.app.screens import stored_filters

    found = stored_filters().ls()
    if json_:
        show_json([_told(one) for one in found])
    else:
        show_table(HEADINGS, map(_cells, found), stream=sys.stdout, numbers_from=len(HEADINGS))


def show(name: str, /, *, versions: bool = False, json_: bool = False) -> None:
    """Show a stored filter: what it says, in which version.

    Parameters
    ----------
    name
        Its name or id; of a filter that was taken away, its id with `--versions`.
    versions
        Every version that it had, the oldest first.
    json_
        Write it as JSON.
    """
    from raymill.app.screens import stored_filters

    filters = stored_filters()
    one = filters.find(name)
    found = filters.versions(one.id if one else name) if versions else [one] if one else []
    if not found:
        raise NotFound(f"There is no stored filter `{name}`", hint="raymill filters ls")
    if json_:
        show_json([_told(each) for each in found] if versions else _told(found[0]))
    else:
        sys.stdout.write("\n".join(map(_text, found)))


def add(file: str, /, *, replace: bool = False, json_: bool = False) -> None:
    """Store a filter for screens, which then know it by its name.

    Parameters
    ----------
    file
        A JSON file, as in `{"name": "cheap", "criteria": [{"field": "pe_ratio", "operator": "lt",
        "value": 10}], "description": "..."}`; `-` reads it from standard input.
    replace
        Where a filter of that name is stored, make a new version of it.
    json_
        Write the filter as JSON.
    """
    from raymill.app.screens import stored_filters

    body, filters = _read(file), stored_filters()
    known = filters.find(str(body.get("name"))) if replace else None
    if known is None:
        made = filters.create(body)
    else:
        made = filters.update(known.id, body, version=known.version)
    if json_:
        show_json(_told(made))
    else:
        sys.stderr.write(f"stored `{made.name}` as {made.id}, version {made.version}\n")


def rm(*names: str) -> None:
    """Take stored filters away; their versions stay readable.

    Parameters
    ----------
    names
        Names or ids. One that another filter uses stays.
    """
    from raymill.app.screens import stored_filters

    if not names:
        raise NotFound("There is no filter to take away", hint="raymill filters ls lists them")
    filters = stored_filters()
    for name in names:
        filters.remove(name)
        sys.stderr.write(f"took `{name}` away\n")


def _read(file: str) -> Mapping[str, Any]:
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"`{file}` cannot be read: {error.strerror}") from error
    try:
        found = json.loads(text)
    except json.JSONError as error:
        raise InputError(f"`{file}` is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"`{file}` holds no filter", hint='write {"name": ..., "criteria": [...]}')
    return found


def _told(one: "Custom") -> dict[str, Any]:
    from raymill.app.runs import when

    return {
        "id": one.id,
        "name": one.name,
        "criteria": list(one.criteria),
        "description": one.description,
        "version": one.version,
        "created": when(one.created),
        "updated": when(one.updated),
    }


def _cells(one: "Custom") -> tuple[str, ...]:
    told = _told(one)
    text = " and ".join(map(written, one.criteria))
    shown = text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."
    changed = f"{told['updated'][:19]}Z"
    return (one.name, str(one.version), changed, one.id, shown, one.description[:WIDEST])


def _text(one: "Custom") -> str:
    told = _told(one)
    lines = [f"{one.name}, version {one.version} ({one.id})", one.description]
    lines += [f"  {written(each)}" for each in one.criteria]
    lines.append(f"made {told['created']}, changed {told['updated']}")
    return "".join(f"{line}\n" for line in lines if line)


def written(node: Mapping[str, Any]) -> str:
    """A condition as people read it.

    >>> written({"or": [{"field": "price", "operator": "lt", "value": 5}, {"type": "cheap"}]})
    '(price lt 5 or cheap)'
    """
    for word in ("and", "or"):
        if word in node:
            return f"({f' {word} '.join(map(written, node[word]))})"
    if "not" in node:
        return f"not {written(node['not'])}"
    if "field" in node:
        value = "" if "value" not in node else f" {_value(node['value'])}"
        return f"{node['field']} {node['operator']}{value}"
    name = node.get("name") or node.get("id") or node["type"]
    bounds = ", ".join(f"{key}={value}" for key, value in node.get("parameters", {}).items())
    return f"{name}({bounds})" if bounds else str(name)


def _value(value: Any) -> str:
    if isinstance(value, dict) and "field" in value:
        return str(value["field"])
    return value if isinstance(value, str) else json.dumps(value).decode()
