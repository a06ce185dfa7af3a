"""What can go wrong, as one tree. Every error says what failed and, as a hint, what to do next."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class RaymillError(Exception):
    """The root of everything raymill raises on purpose.

    The message says what failed and with which value; `hint` says what to do next.
    `exit_code` is what the command line answers with.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.details)


def _rebuild(
    kind: type[RaymillError], message: str, hint: str | None, details: dict[str, Any]
) -> RaymillError:
    return kind(message, hint=hint, **details)


class ConfigError(RaymillError):
    """A setting or a parameter has a value that cannot be used."""

    exit_code = 2


class UnknownName(ConfigError):
    """A task, field, parameter, engine or format that does not exist was named."""


class Conflict(ConfigError):
    """A name is taken, somebody else was quicker, or others still need what was to go."""


class NotFound(ConfigError):
    """What an id or a name in an address stands for does not exist."""


class TooBusy(RaymillError):
    """More is asked for at a time than is allowed; `retry_after_s` in its details says when to."""

    exit_code = 3


class AccessDenied(RaymillError):
    """A key is missing, unknown or revoked, or does not allow this."""


class ApiUnavailable(RaymillError):
    """The HTTP API cannot be reached, or what answers at its address is none."""

    exit_code = 3


class PipelineError(RaymillError):
    """A pipeline cannot run as it is written: a field, a type, a key or an edge does not fit."""

    exit_code = 2


class InputError(RaymillError):
    """An input is missing, unreadable, or not what its format says."""

    exit_code = 2


class NotStored(InputError):
    """Records that are needed are not stored here; the hint says how they are had."""


class DataError(RaymillError):
    """The input broke off or holds data that stops the run."""


class TaskError(RaymillError):
    """A record failed and the run was told to stop at the first one."""


class SinkError(RaymillError):
    """An output cannot be written: no space, no permission, a closed pipe."""


class CheckpointError(RaymillError):
    """A checkpoint cannot be used: damaged, or of another run."""

    exit_code = 2


class StoreError(RaymillError):
    """The store cannot be used: damaged, newer than this version, no space, on another machine."""


class StoreUnavailable(StoreError):
    """The server of the store cannot be reached, or not any more."""

    exit_code = 3


class Fenced(StoreError):
    """Another orchestrator has taken the store over; nothing of this commit was written."""


class WorkflowError(RaymillError):
    """A workflow is declared wrongly, or one of its runs ended without a result."""


class Cancelled(WorkflowError):
    """The run of this step was cancelled, or its time is over."""


class SourceError(RaymillError):
    """A source of data cannot be reached, or asks to be left alone for a while."""

    exit_code = 3


class EngineUnavailable(RaymillError):
    """An engine, its extra or its cluster cannot be reached."""

    exit_code = 3


class EngineError(RaymillError):
    """An engine failed while running: a worker died and could not be replaced."""


class Interrupted(RaymillError):
    """The run was interrupted; what it had committed is kept."""

    exit_code = 130


def near(name: str, known: Iterable[str]) -> str | None:
    """Name the nearest matches of `name` among `known`, as a hint.

    >>> near("baem", ["beam", "local"])
    'did you mean `beam`?'
    """
    matches = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(f'`{match}`' for match in matches)}?" if matches else None


def unknown(
    what: str, name: str, known: Iterable[str], *, kind: type[RaymillError] = UnknownName
) -> RaymillError:
    """Make the error for an unknown name, with near matches and what there is."""
    names = sorted(known)
    listed = f"there are: {', '.join(names)}" if names else "there is none"
    guess = near(name, names)
    return kind(f"Unknown {what} `{name}`", hint=f"{guess} {listed}" if guess else listed)
