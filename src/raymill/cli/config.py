"""`raymill config`: the settings in force."""

import sys
from dataclasses import asdict

from raymill.cli.report import show_json, show_table
from raymill.config.sections import unread_variables
from raymill.config.show import Shown, shown
from raymill.errors import near

HEADINGS = ("setting", "value", "unit", "from")


def show(*, json_: bool = False) -> None:
    """Show every setting: its value, unit, and where it came from. Secrets are masked.

    Parameters
    ----------
    json_
        Write a JSON list of settings instead of a table.
    """
    settings = shown()
    if json_:
        show_json([asdict(row) for row in settings])
    else:
        rows = [(row.name, value_text(row), row.unit, row.origin) for row in settings]
        show_table(HEADINGS, rows, stream=sys.stdout, numbers_from=len(HEADINGS))
    for name in unread_variables():
        sys.stderr.write(f"warning: {unread_text(name, settings)}\n")


def value_text(row: Shown) -> str:
    """A value as people read it."""
    return "none" if row.value is None else str(row.value)


def unread_text(variable: str, settings: list[Shown]) -> str:
    """Say that a variable belongs to no setting, with the one that may be meant."""
    guess = near(variable, [row.variable for row in settings])
    return f"`{variable}` belongs to no setting{f'; {guess}' if guess else ''}"
