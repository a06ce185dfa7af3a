"""`raymill strategies`: the strategies that are installed."""

import sys
from typing import TYPE_CHECKING

from raymill.cli.report import plain_lines, show_json, show_table

if TYPE_CHECKING:
    from raymill.app.strategies import About


def ls(*, json_: bool = False) -> None:
    """List the strategies that are installed.

    Parameters
    ----------
    json_
        Write a JSON list of names, kinds, descriptions and packages instead of a table.
    """
    from raymill.app.strategies import listed

    rows = listed()
    if json_:
        show_json([row.to_dict() for row in rows])
        return
    table = [(row.name, row.kind, row.text, row.package) for row in rows]
    heads = ("strategy", "kind", "what it does", "package")
    show_table(heads, table, stream=sys.stdout, numbers_from=len(heads))


def show(name: str, /, *, json_: bool = False) -> None:
    """Show a strategy: what it does, its parameters, how it can be run.

    Parameters
    ----------
    name
        A strategy's name, `module:Class` or `FILE.py:Class`.
    json_
        Write it as JSON, with the JSON schema of the parameters.
    """
    from raymill.app.strategies import about

    found = about(name)
    if json_:
        show_json(found.to_dict())
    else:
        sys.stdout.write(_text(found))


def _text(found: "About") -> str:
    rows = [[p.name, p.type, p.default, p.bounds, p.text] for p in found.parameters]
    heads = ("parameter", "type", "default", "bounds", "meaning")
    lines = plain_lines(heads, rows, numbers_from=len(heads))
    table = "".join(f"  {line}\n" for line in lines)
    return f"{found.name}\n\n{found.description}\n\nParameters:\n{table}\n{found.how}\n"
