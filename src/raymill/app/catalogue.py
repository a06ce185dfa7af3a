"""The tasks that are installed, and what there is to know about one."""

import inspect
import re
import types
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import Any

from raymill.app.targets import find
from raymill.errors import ConfigError, RaymillError
from raymill.flow.column_task import Port, Spec
from raymill.flow.declare import Configured, Declared, as_declared
from raymill.flow.registry import TASKS
from raymill.flow.signature import REQUIRED, Parameter

_LIMITS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered task: its name, the first sentence of its description, whose it is."""

    name: str
    text: str
    package: str


@dataclass(frozen=True, slots=True)
class ParameterAbout:
    """A parameter as people read it."""

    name: str
    type: str
    default: str
    bounds: str
    text: str


@dataclass(frozen=True, slots=True)
class About:
    """A task: what it reads, adds and keeps, and what can be set."""

    name: str
    description: str
    inputs: list[tuple[str, str]]
    outputs: list[tuple[str, str]]
    state: str
    parameters: list[ParameterAbout]
    properties: list[tuple[str, str]]
    schema: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values; parameters as their JSON schema."""
        said = asdict(self)
        for name, kind in (("inputs", "type"), ("outputs", "type"), ("properties", "parameter")):
            first = {"properties": "key"}.get(name, "name")
            said[name] = [{first: left, kind: right} for left, right in getattr(self, name)]
        return said


def listed() -> list[Entry]:
    """Every registered task; one that cannot be loaded says why."""
    points = sorted(entry_points(group=TASKS), key=lambda point: point.name)
    return [
        Entry(point.name, _first_line(point.name), point.dist.name if point.dist else "")
        for point in points
    ]


def _first_line(name: str) -> str:
    try:
        return as_declared(name).declared.description.partition("\n")[0]
    except RaymillError as error:
        return f"cannot be loaded: {error.message}"


def about(name: str) -> About:
    """Say everything about a task. Raises UnknownName, ConfigError."""
    thing = find(name).thing
    if not isinstance(thing, Configured):
        raise ConfigError(f"`{name}` is a pipeline, not a task", hint="raymill tasks ls")
    declared = thing.declared
    text, meanings = parts(inspect.cleandoc(declared.description))
    spec = _spec(thing)
    rules = declared.options.properties.items()
    return About(
        declared.name,
        text,
        list(_inputs(declared, spec)),
        list(_outputs(declared, spec)),
        _state(declared, spec),
        [_parameter(each, meanings) for each in declared.parameters],
        [(key, to if isinstance(to, str) else "several") for key, to in rules],
        declared.schema(),
    )


def _spec(thing: Configured) -> Spec | None:
    """What the task declares with its defaults; None where it needs a parameter or a file first."""
    try:
        return thing.lift().spec()
    except RaymillError:
        return None


def _inputs(declared: Declared[..., Any], spec: Spec | None) -> Iterator[tuple[str, str]]:
    ports = spec.reads if spec else {} if declared.is_columns else declared.signature.ports
    for name, port in ports.items():
        yield name, _port_text(port)
    if not ports and spec is None:
        yield "depends on", "the parameters"
    elif not ports and not declared.is_columns and declared.signature.record:
        yield "the whole record", "a dict"


def _port_text(port: Port) -> str:
    welcome = ", may be null" if port.null else ""
    return f"{port.kind.value}{welcome}{', may be missing' if port.optional else ''}"


def _outputs(declared: Declared[..., Any], spec: Spec | None) -> Iterator[tuple[str, str]]:
    if spec is None:
        yield "depends on", "the parameters"
        return
    for column in spec.adds:
        yield column.name, str(column.type)


def _state(declared: Declared[..., Any], spec: Spec | None) -> str:
    scope = spec.scope if spec else "record"
    said = {"record": "none", "key": "one for each key", "all": "one for all records"}
    return said[scope] if spec or declared.is_columns else "depends on the parameters"


def _parameter(parameter: Parameter, meanings: dict[str, str]) -> ParameterAbout:
    bounds = " and ".join(limits(parameter.annotation))
    default = "required" if parameter.default is REQUIRED else repr(parameter.default)
    kind, meaning = type_text(parameter.annotation), meanings.get(parameter.name, "")
    return ParameterAbout(parameter.name, kind, default, bounds, meaning)


def limits(annotation: Any) -> Iterator[str]:
    """The bounds of a parameter.

    >>> from annotated_types import Ge
    >>> from typing import Annotated
    >>> [*limits(Annotated[int, Ge(1)])]
    ['>= 1']
    """
    for limit in getattr(annotation, "__metadata__", ()):
        for name, sign in _LIMITS.items():
            if hasattr(limit, name):
                yield f"{sign} {getattr(limit, name)}"


def type_text(annotation: Any) -> str:
    """A type as its author wrote it, without limits.

    >>> type_text(float), type_text(float | None)
    ('float', 'float | None')
    """
    bare = getattr(annotation, "__origin__", annotation)
    bare = bare if getattr(annotation, "__metadata__", ()) else annotation
    plain = isinstance(bare, type) and not isinstance(bare, types.GenericAlias)
    return bare.__name__ if plain else str(bare).replace("typing.", "")


def parts(text: str) -> tuple[str, dict[str, str]]:
    """A docstring as its text without examples, and the meanings of parameters (`name: text`)."""
    kept: list[str] = []
    meanings: dict[str, str] = {}
    for block in text.split("\n\n"):
        if block.startswith(">>>"):
            continue
        if re.match(r"\w+: ", block):
            found = re.findall(r"^(\w+): (.*(?:\n[ ]+.*)*)", block, re.MULTILINE)
            meanings |= {name: " ".join(meaning.split()) for name, meaning in found}
        else:
            kept.append(block)
    return "\n\n".join(kept), meanings
