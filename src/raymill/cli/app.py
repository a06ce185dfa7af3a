"""The commands as one cyclopts application; each is imported when it is called."""

from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter, UnknownCommandError

from raymill import __version__, log
from raymill.cli.commands import COMMANDS, GROUPS
from raymill.config import settings
from raymill.errors import ConfigError, RaymillError, unknown

_WITHOUT_SETTINGS = ("doctor", "config")  # they say themselves what is wrong with a setting


def call(arguments: Sequence[str]) -> Any:
    """Run the command that is named. Raises ConfigError for wrong usage."""
    _check_names(arguments)
    if arguments[0] not in _WITHOUT_SETTINGS:
        _start_log()
    try:
        return application()(arguments)
    except CycloptsError as error:
        raise usage_error(error, arguments) from error


def application() -> App:
    """Put the commands together."""
    root = _group("raymill")
    groups = {name: _group(name, text) for name, text in GROUPS.items()}
    for group in groups.values():
        root.command(group)
    for command in COMMANDS:
        *parents, name = command.name.split()
        parent = groups[parents[0]] if parents else root
        parent.command(command.where, name=name)
    return root


def _start_log() -> None:
    wanted = settings().log
    log.configure(wanted.level, wanted.format)


def _group(name: str, text: str = "") -> App:
    return App(
        name=name,
        help=text,
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        print_error=False,
        exit_on_error=False,
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(negative=()),
    )


def _check_names(arguments: Sequence[str]) -> None:
    names = [command.name for command in COMMANDS]
    first, *rest = arguments
    if first not in GROUPS and first not in names:
        shown = {command.name.split()[0] for command in COMMANDS if not command.hidden}
        raise unknown("command", first, shown)
    full = " ".join([first, *rest[:1]])
    if first in GROUPS and rest and not rest[0].startswith("-") and full not in names:
        raise unknown("command", full, [name for name in names if name.startswith(f"{first} ")])


def usage_error(error: CycloptsError, arguments: Sequence[str]) -> RaymillError:
    """Say in one line what is wrong with the arguments, and in another what to type."""
    command = "raymill " + " ".join(error.command_chain or arguments[:1])
    if isinstance(error, UnknownCommandError):
        return ConfigError(f"`{command}` needs a command", hint=f"{command} --help")
    message, _, guess = " ".join(str(error).split()).partition(" Did you mean ")
    hint = f"did you mean {guess.replace(chr(34), '`')}" if guess else f"see {command} --help"
    return ConfigError(message.rstrip("."), hint=hint)
