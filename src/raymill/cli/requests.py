"""What is asked of runs: cancel, pause, resume, retry."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from raymill.cli.report import show_json
from raymill.errors import ConfigError

OPTIONS = """
Parameters
----------
runs
    The ids of the runs.
json_
    Write what was asked as JSON.
"""


class Asking(Protocol):
    """Runs of which something may be asked."""

    def request(self, run: str, kind: str) -> None:
        """Ask a run for `cancel`, `pause`, `resume` or `retry`."""


def asks(
    group: str, kind: str, text: str, opened: Callable[[], AbstractContextManager[Asking]]
) -> Callable[..., None]:
    """The command of a group that asks runs for something: `workflows`, `cancel`."""

    def asked(*runs: str, json_: bool = False) -> None:
        if not runs:
            raise ConfigError(
                f"`raymill {group} {kind}` needs a run", hint=f"raymill {group} ls lists them"
            )
        with opened() as asking:
            for run in runs:
                asking.request(run, kind)
        told(kind, runs, as_json=json_)

    asked.__name__ = asked.__qualname__ = kind
    asked.__doc__ = f"{text}\n{OPTIONS}"
    return asked


def told(kind: str, runs: Sequence[str], *, as_json: bool) -> None:
    """Say what was asked: on standard output as JSON, else on standard error."""
    if as_json:
        show_json([{"run": run, "asked": kind} for run in runs])
    else:
        sys.stderr.write("".join(f"asked to {kind} {run}\n" for run in runs))
