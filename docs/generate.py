"""Writes docs/reference from the code; `--check` says whether it is fresh."""

import importlib.util
import inspect
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import http_page
from raymill import errors
from raymill.app.catalogue import About, Entry
from raymill.app.market.streams import Standing as Stream
from raymill.app.runs import EventOfRun, Run, StepOfRun
from raymill.app.schedules import Schedule
from raymill.app.strategies import About as AboutStrategy
from raymill.app.strategies import about as about_strategy
from raymill.cli.app import application
from raymill.cli.commands import COMMANDS, Command
from raymill.cli.doctor import Check
from raymill.cli.failures import INTERRUPTED
from raymill.cli.summary import Summary
from raymill.config.find import FILE_NAMES, FILE_VARIABLE
from raymill.config.section import Section, extra
from raymill.config.sections import SECTIONS
from raymill.config.serve import ServeSettings
from raymill.config.show import Shown
from raymill.flow.declare import as_declared
from raymill.flow.registry import ENGINES, SINKS, SOURCES, STRATEGIES, TASKS, load, locate, names
from raymill.flow.signature import REQUIRED, Outside
from raymill.market.metrics import FORMULAS
from raymill.market.screen.fields import catalogue
from raymill.market.screen.operators import OPERATORS
from raymill.market.screen.screener import Answer
from raymill.market.screen.seed import FILTERS
from raymill.services.hosts import graph
from raymill.services.service import Service

DOCS = Path(__file__).parent
ROOT = DOCS.parent
MADE = "<!-- Made by docs/generate.py from the code; change the code instead. -->"


def commands() -> Iterator[str]:
    """The page of commands."""
    yield "# Commands"
    yield "Data goes to standard output, everything else to standard error."
    yield from table(("exit code", "meaning"), exit_codes())
    shown = [command for command in COMMANDS if not command.hidden]
    hidden = [command for command in COMMANDS if command.hidden]
    for command in shown:
        yield from command_text(command)
    yield "## For those who come from the older runner"
    yield "These commands are kept, and not listed by `raymill --help`."
    for command in hidden:
        yield from command_text(command, level="###")
    yield "## JSON"
    yield (
        "With `--json`, `raymill run` writes a summary and `raymill tasks show` a task, each as "
        "one object; `raymill tasks ls`, `raymill config show`, `raymill doctor` and `raymill "
        "workflows ls` write a list. `raymill workflows show` and `watch` write a run with the "
        "lists `steps` and `events`. Their fields:"
    )
    rows = [
        ("run", fields(Summary)),
        ("tasks ls", fields(Entry)),
        ("tasks show", fields(About)),
        ("config show", fields(Shown)),
        ("doctor", fields(Check)),
        ("workflows ls, start, show, watch", fields(Run)),
        ("workflows show, watch: `steps`", fields(StepOfRun)),
        ("workflows show, watch: `events`", fields(EventOfRun)),
        ("workflows cancel, pause, resume, retry, redrive", "`run`, `asked`"),
        ("workflows answer", "`run`, `step`, `answered`"),
        (
            "workflows logs, a line each",
            "`at`, `level`, `event`, `step`, `item`, `attempt`, `worker`",
        ),
        ("schedules ls, add", fields(Schedule)),
        ("screen", f"{fields(Answer)} (the last one with `--explain`)"),
        ("market stream; streams ls, show, stop", fields(Stream)),
    ]
    yield from table(("command", "fields"), rows)


def exit_codes() -> list[tuple[str, str]]:
    """What each exit code means."""
    return [
        ("0", "done; also when the reader of standard output went away"),
        ("1", "the run failed: bad data under `--on-error stop`, a truncated file, a full disk"),
        ("2", "wrong usage: an unknown name, a bad option, an input that cannot be read"),
        ("3", "something cannot be reached: a server, a cluster, a missing extra"),
        (str(INTERRUPTED), "interrupted"),
    ]


def command_text(command: Command, level: str = "##") -> Iterator[str]:
    """A command with its arguments and options."""
    yield f"{level} raymill {command.name}"
    if importlib.util.find_spec(command.where.partition(":")[0]) is None:
        yield f"{command.text}."
        return
    app: Any = application()
    for word in command.name.split():
        app = app[word]
    yield inspect.cleandoc(app.help or "").split("\n\nParameters\n")[0]
    arguments = app.assemble_argument_collection(parse_docstring=True)
    rows = [argument_row(argument) for argument in arguments if argument.show]
    yield from table(("argument", "default", "meaning"), rows)


def argument_row(argument: Any) -> tuple[str, str, str]:
    """One argument of a command."""
    given = [name for name in argument.names if not name.startswith(("--no-", "--empty-"))]
    given = [name if name.startswith("-") else name.upper() for name in given]
    default = argument.field_info.default
    plain = default in (inspect.Parameter.empty, None, False, ())
    text = " ".join((argument.parameter.help or "").split())
    return ", ".join(f"`{name}`" for name in given), "" if plain else f"`{default}`", text


def fields(kind: type) -> str:
    """The fields of a dataclass, as text."""
    return ", ".join(f"`{name}`" for name in inspect.get_annotations(kind))


def settings() -> Iterator[str]:
    """The page of settings."""
    yield "# Settings"
    yield (
        "A value is taken from its variable, then from its other names, then from the settings "
        "file, then from the default. `raymill config show` says which it was."
    )
    files = " or ".join(f"`{name}`" for name in FILE_NAMES)
    yield (
        f"The settings file is {files} in the current folder, or the one that `{FILE_VARIABLE}` "
        "names. It holds a section for each heading below:"
    )
    yield "```toml\n[streams]\ncheckpoint_s = 10\n```"
    for section in SECTIONS:
        yield f"## {section.section}"
        yield inspect.getdoc(section) or ""
        heads = ("setting", "variable", "default", "unit", "meaning", "other names")
        yield from table(heads, (setting_row(section, name) for name in section.model_fields))


def setting_row(section: type[Section], name: str) -> tuple[str, ...]:
    """One setting."""
    field = section.model_fields[name]
    default = "none" if field.default is None else str(field.default)
    aliases = ", ".join(f"`{alias}`" for alias in section.aliases(name))
    unit, variable = str(extra(field, "unit")), section.variable(name)
    return f"`{name}`", f"`{variable}`", f"`{default}`", unit, field.description or "", aliases


def error_page() -> Iterator[str]:
    """The page of errors."""
    yield "# Errors"
    yield (
        "Everything that raymill raises on purpose is a `RaymillError` with a message, a `hint` "
        "and the exit code of the command line. They cross process borders whole."
    )
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.RaymillError)
    ]
    for kind in kinds:
        yield f"## {kind.__name__}"
        yield inspect.getdoc(kind) or ""
        under = [base.__name__ for base in kind.__mro__[1:-3]]
        yield f"Exit code {kind.exit_code}." + (f" Caught as `{under[0]}` too." if under else "")


def tasks() -> Iterator[str]:
    """The page of tasks."""
    yield "# Tasks"
    yield (
        "The tasks that come with raymill. `raymill tasks show NAME` shows the same of any task "
        "that is installed."
    )
    for name in names(TASKS):
        if entry_is_ours(TASKS, name):
            yield from task_text(name)


def task_text(name: str) -> Iterator[str]:
    """A task with its parameters and what `.properties` files call them."""
    declared = as_declared(name).declared
    about, meanings, example = parts(inspect.cleandoc(declared.description))
    yield f"## {name}"
    yield from about
    rows = [parameter_row(each, meanings) for each in declared.parameters]
    yield from table(("parameter", "type", "default", "meaning"), rows)
    rules = declared.options.properties.items()
    known = [(f"`{key}`", f"`{to}`" if isinstance(to, str) else "several") for key, to in rules]
    yield from table(("key in `.properties`", "parameter"), known)
    yield from (f"```pycon\n{lines}\n```" for lines in example)


def parts(text: str) -> tuple[list[str], dict[str, str], list[str]]:
    """A docstring as paragraphs, the meanings of parameters (`name: text`), and examples."""
    about, meanings, examples = [], {}, []
    for block in text.split("\n\n"):
        if block.startswith(">>>"):
            examples.append(block)
        elif re.match(r"\w+: ", block):
            found = re.findall(r"^(\w+): (.*(?:\n[ ]+.*)*)", block, re.MULTILINE)
            meanings |= {name: " ".join(meaning.split()) for name, meaning in found}
        else:
            about.append(block)
    return about, meanings, examples


def parameter_row(parameter: Any, meanings: dict[str, str]) -> tuple[str, str, str, str]:
    """One parameter of a task."""
    default = "required" if parameter.default is REQUIRED else f"`{parameter.default!r}`"
    kind, meaning = f"`{type_text(parameter.annotation)}`", meanings.get(parameter.name, "")
    return f"`{parameter.name}`", kind, default, meaning


def type_text(annotation: Any) -> str:
    """A type as its author wrote it, with its limits."""
    marks = getattr(annotation, "__metadata__", ())
    limits = [m.what if isinstance(m, Outside) else repr(m) for m in marks]
    bare = getattr(annotation, "__origin__", annotation) if limits else annotation
    plain = isinstance(bare, type) and not isinstance(bare, types.GenericAlias)
    text = bare.__name__ if plain else str(bare).replace("typing.", "")
    return ", ".join([text, *limits])


def strategies() -> Iterator[str]:
    """The page of strategies."""
    yield "# Strategies"
    yield (
        "The strategies that come with raymill. `raymill strategies show NAME` shows the same of "
        "any strategy that is installed, and `raymill backtest NAME` runs it."
    )
    for name in names(STRATEGIES):
        if entry_is_ours(STRATEGIES, name):
            yield from strategy_text(about_strategy(name))
    yield "## Figures"
    yield "What `raymill backtest` shows; E is equity, r the return of a bar, n the bars of a run."
    yield from table(("figure", "how"), ((f"`{name}`", how) for name, how in FORMULAS.items()))


def strategy_text(about: AboutStrategy) -> Iterator[str]:
    """A strategy with its parameters."""
    yield f"## {about.name}"
    yield about.description
    rows = [
        (f"`{p.name}`", f"`{p.type}`", f"`{p.default}`", p.bounds, p.text) for p in about.parameters
    ]
    yield from table(("parameter", "type", "default", "bounds", "meaning"), rows)
    yield about.how


def formats() -> Iterator[str]:
    """The page of formats."""
    yield "# Formats"
    yield (
        "The format of a file is told by its ending unless `--from` or `--to` names it. `.gz` and "
        "`.zst` may stand behind an ending."
    )
    for group, title in ((SOURCES, "Read"), (SINKS, "Written")):
        yield f"## {title}"
        ours = [name for name in names(group) if entry_is_ours(group, name)]
        yield from table(("format", "what it is", "options"), (format_row(group, n) for n in ours))


def format_row(group: str, name: str) -> tuple[str, str, str]:
    """One format."""
    made = load(group, name)
    parameters = list(inspect.signature(made).parameters.values())[1:]
    options = [f"`{p.name}`" for p in parameters if p.kind is not p.VAR_KEYWORD]
    return f"`{name}`", (inspect.getdoc(made) or "").split("\n")[0], ", ".join(options)


def entry_is_ours(group: str, name: str) -> bool:
    """Whether raymill itself registers a name; pages do not depend on what else is installed."""
    from importlib.metadata import entry_points

    found = entry_points(group=group, name=name)
    return any(point.value.startswith("raymill.") for point in found)


def screen_fields() -> Iterator[str]:
    """The page of fields, filters and operators of a screen."""
    yield "# Fields and operators of a screen"
    yield (
        "What a request of `raymill screen` can filter by, sort by and show. A name with `pct` is "
        "in percent, other rates are fractions. All but `symbol` may be unknown; a condition on "
        "what is unknown neither holds nor fails."
    )
    yield "## Operators"
    heads = ("operator", "holds where the field is", "value", "types of fields")
    rows = [
        (f"`{one.name}`", one.text, one.value, ", ".join(one.types)) for one in OPERATORS.values()
    ]
    yield from table(heads, rows)
    yield (
        "A condition compares with yesterday where it crosses; the fields for which yesterday is "
        "kept are marked with `x`. Ranks are those of the whole universe."
    )
    yield "## Filters with two bounds"
    bounds = [
        (f"`{one.name}`", f"`{one.field}`", f"`{one.low}`, `{one.high}`", one.text)
        for one in FILTERS.values()
    ]
    yield from table(("filter", "field", "parameters", "what it bounds"), bounds)
    for group in dict.fromkeys(field.group for field in catalogue().values()):
        yield f"## Fields: {group}"
        found = [field for field in catalogue().values() if field.group == group]
        heads = ("field", "type", "unit", "meaning", "source", "renewed", "crosses")
        yield from table(heads, map(field_row, found))


def field_row(field: Any) -> tuple[str, ...]:
    """One field of a screen."""
    values = ", ".join(f"`{value}`" for value in field.values)
    meaning = f"{field.text}: {values}" if values else field.text
    marks = ("x" if field.history else "",)
    return (f"`{field.name}`", field.type, field.unit, meaning, field.source, field.refresh, *marks)


def support() -> Iterator[str]:
    """The page of what each engine can do, from the marks of the conformance tests."""
    yield "# What each engine can do"
    yield (
        "Every engine runs the same conformance tests. A gap is a mark on a test; this table is "
        "made from the marks, and a gap that closes turns the build red until its mark goes."
    )
    ours = [name for name in names(ENGINES) if entry_is_ours(ENGINES, name)]
    rows = [(row["what"], *(row["engines"].get(name, "") for name in ours)) for row in marks()]
    yield from table(("what", *ours), rows)


def marks() -> list[dict[str, Any]]:
    """Collect the conformance tests and their marks."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "--engines", "local,ray"]
        done = subprocess.run(
            [*command, "--system", "--support", file.name, "tests/conformance"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode not in (0, 5):
            raise SystemExit(f"the conformance tests cannot be collected:\n{done.stdout[-2000:]}")
        return list(json.loads(Path(file.name).read_text() or "[]"))


def table(heads: tuple[str, ...], rows: Any) -> Iterator[str]:
    """A table, as one block of text; nothing without rows."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    if lines:
        yield "\n".join([f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines])


PAGES = {
    "commands": commands,
    "settings": settings,
    "errors": error_page,
    "tasks": tasks,
    "strategies": strategies,
    "formats": formats,
    "fields": screen_fields,
    "support": support,
    "http-api": lambda: http_page.page(services()),
}


def text_of(page: str) -> str:
    """The text of a page."""
    return "\n\n".join([MADE, *PAGES[page]()]) + "\n"


def services() -> dict[str, type[Service]]:
    """The services of `pyproject.toml`, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"]["raymill.services"]
    return {name: locate(points[name]) for name in sorted(points)}


def serve_yaml() -> str:
    """The application on Ray Serve with the services of `pyproject.toml`, and settings as they
    are by default."""

    def as_it_is(section: type[Section]) -> Section:
        return section.model_construct()

    return graph.text_of(graph.graph(services(), ServeSettings.model_construct(), read=as_it_is))


def main() -> int:
    """Write the pages, or say which are stale."""
    check, stale = "--check" in sys.argv, []
    texts = {DOCS / "reference" / f"{page}.md": text_of(page) for page in PAGES}
    for path, text in (texts | {ROOT / "deploy" / "serve.yaml": serve_yaml()}).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.relative_to(ROOT))
            if not check:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        sys.stderr.write(f"{'stale' if check else 'written'}: {path}\n")
    if check and stale:
        sys.stderr.write("hint: make docs\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
