"""What is asked of runs: cancel, pause, resume, retry."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from raymill import json
from raymill.errors import ConfigError


class Asking(Protocol):
    """Runs of which something may be asked."""

    def request(self, run: str, kind: str) -> None:
        """Ask a run for `cancel`, `pause`, `resume` or `retry`."""


def ask(
    group: str,
    kind: str,
    runs: Sequence[str],
    opened: Callable[[], AbstractContextManager[Asking]],
    *,
    as_json: bool,
) -> None:
    """Ask runs for something, and say so. `group` is that of the command, as in `workflows`.

    Raises ConfigError where there is no run, or none that this can be asked of.
    """
    if not runs:
        raise ConfigError(
            f"`raymill {group} {kind}` needs a run", hint=f"raymill {group} ls lists them"
        )
    with opened() as asking:
        for run in runs:
            asking.request(run, kind)
    told(kind, runs, as_json=as_json)


def told(kind: str, runs: Sequence[str], *, as_json: bool) -> None:
    """Say what was asked: on standard output as JSON, else on standard error."""
    if as_json:
        rows = [{"run": run, "asked": kind} for run in runs]
        sys.stdout.write(json.dumps(rows, indent=True).decode() + "\n")
    else:
        sys.stderr.write("".join(f"asked to {kind} {run}\n" for run in runs))
