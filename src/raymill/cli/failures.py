"""How a command ends: its exit code, and an error as one line with a hint."""

import os
import sys
import traceback
from collections.abc import Sequence

from raymill.errors import RaymillError

DONE, FAILED, UNREACHABLE, INTERRUPTED = 0, 1, 3, 130
VERBOSE_HINT = "run it again with -v to see where"


def guarded(arguments: Sequence[str]) -> int:
    """Run a command; turn whatever it raises into lines on standard error and an exit code."""
    verbose = any(argument in ("-v", "--verbose") for argument in arguments)
    try:
        from raymill.cli.app import call

        result = call(arguments)
        sys.stdout.flush()
        return result if isinstance(result, int) else DONE
    except BrokenPipeError:
        return _closed_pipe()
    except KeyboardInterrupt:
        return report("interrupted", None, INTERRUPTED)
    except RaymillError as error:
        _trace(verbose)
        return report(error.message, error.hint, error.exit_code)
    except ImportError as error:
        _trace(verbose)
        return _missing(error)
    except Exception as error:
        _trace(verbose)
        text = f"{type(error).__name__}: {error}"
        return report(text, VERBOSE_HINT, FAILED)


def report(message: str, hint: str | None, code: int) -> int:
    """Write an error and its hint to standard error, and return the exit code."""
    hinted = f"\nhint: {hint}" if hint else ""
    sys.stderr.write(f"error: {message}{hinted}\n")
    return code


def _missing(error: ImportError) -> int:
    from raymill.cli.installed import extra_with

    cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    module = (cause.name or "").partition(".")[0]
    extra = extra_with(module)
    if extra is None:
        return report(f"{type(cause).__name__}: {cause}", VERBOSE_HINT, FAILED)
    return report(f"`{module}` is not installed", f"pip install 'raymill[{extra}]'", UNREACHABLE)


def _trace(verbose: bool) -> None:
    if verbose:
        traceback.print_exc()


def _closed_pipe() -> int:
    # The interpreter flushes standard output once more at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE
