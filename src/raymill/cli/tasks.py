"""`raymill tasks`: the tasks that are installed."""

import sys
from typing import Any

from raymill.app.catalogue import About, about, listed
from raymill.cli.report import plain_lines, show_json, show_table


def ls(*, json_: bool = False) -> None:
    """List the tasks that are installed.

    Parameters
    ----------
    json_
        Write a JSON list of names, descriptions and packages instead of a table.
    """
    rows = listed()
    if json_:
        show_json([{"name": r.name, "text": r.text, "package": r.package} for r in rows])
        return
    table = [(row.name, row.text, row.package) for row in rows]
    show_table(("task", "what it does", "package"), table, stream=sys.stdout, numbers_from=3)


def show(name: str, /, *, json_: bool = False) -> None:
    """Show a task: what it reads, adds and counts, and its parameters.

    Parameters
    ----------
    name
        A task's name, `module:object` or `FILE.py:object`.
    json_
        Write it as JSON, with the JSON schema of the parameters.
    """
    found = about(name)
    if json_:
        show_json(found.to_dict())
    else:
        sys.stdout.write(_text(found))


def _text(found: About) -> str:
    parts = [f"{found.name}\n\n{found.description}\n"]
    parts += _part("Inputs", ("input", "type"), found.inputs)
    parts += _part("Outputs", ("output", "type"), found.outputs)
    rows = [(p.name, p.type, p.default, p.bounds, p.text) for p in found.parameters]
    parts += _part("Parameters", ("parameter", "type", "default", "bounds", "meaning"), rows)
    parts += _part("Keys in .properties files", ("key", "parameter"), found.properties)
    parts.append(f"State: {found.state}\n")
    return "\n".join(parts)


def _part(title: str, heads: tuple[str, ...], rows: Any) -> list[str]:
    lines = plain_lines(heads, [list(row) for row in rows], numbers_from=len(heads))
    return [f"{title}:\n" + "".join(f"  {line}\n" for line in lines)] if len(lines) > 1 else []
