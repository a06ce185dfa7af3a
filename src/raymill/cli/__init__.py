"""The command line. `raymill --help` loads nothing but the table of commands."""

import sys
from collections.abc import Sequence

from raymill import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        from raymill.cli.commands import overview

        return _say(overview())
    if given[0] == "--version":
        return _say(f"raymill {__version__}\n")
    from raymill.cli.failures import guarded
    from raymill.config.process import settle

    settle()
    return guarded(given)


def _say(text: str) -> int:
    sys.stdout.write(text)
    return 0
