"""What may stand in a pipeline file: its schema, checked where the file enters."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raymill.errors import ConfigError, unknown

Names = str | list[str]


class Strict(BaseModel):
    """A mapping of known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Strict)


class SourcePart(Strict):
    """What is read: a path, a glob or a list of them, its format, and the format's options."""

    path: Names
    format: str | None = None
    options: dict[str, Any] = {}


class SinkPart(Strict):
    """Where records of `from` go (default: of the last task); `-` is standard output."""

    path: str = "-"
    format: str | None = None
    options: dict[str, Any] = {}
    from_: str | None = Field(None, alias="from")


class Part(Strict):
    """One entry under `tasks`: takes records `from` another one, the one before unless named."""

    kind: ClassVar[str]
    name: str | None = None

    def kind_name(self) -> str:
        """What it is called without `name`."""
        return self.kind

    def inputs(self, before: str) -> list[str]:
        """The names that it takes records from."""
        return [getattr(self, "from_", None) or before]


class Bound(Part):
    """An entry that reads fields."""

    from_: str | None = Field(None, alias="from")
    field: Names | None = None
    key: Names | None = None
    as_: str | dict[str, str] | None = Field(None, alias="as")

    def binding(self) -> dict[str, Any]:
        """The fields that it is bound to."""
        return {"field": self.field, "key": self.key, "as_": self.as_}


class TaskPart(Bound):
    """A task, named as on the command line; `set` gives parameters and inputs."""

    kind = "task"
    task: str
    set: dict[str, Any] = {}

    def kind_name(self) -> str:
        """The task's name."""
        return self.task.rpartition(":")[2]


class Window(Bound):
    """An aggregate over windows: mean, total, minimum, maximum, tally, spread, or an object."""

    kind = "window"
    window: str
    count: int | None = None
    seconds: float | None = None
    every: float | None = None
    late: float | None = None
    flush: bool | None = None
    time: str | None = None

    def sizes(self) -> dict[str, Any]:
        """What was said about its size."""
        names = ("count", "seconds", "every", "late", "flush", "time")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Select(Part):
    """Keep these columns, in this order."""

    kind = "select"
    select: list[str] = Field(min_length=1)
    from_: str | None = Field(None, alias="from")


class Join(Part):
    """Bring branches of the same records together again, record by record."""

    kind = "join"
    join: list[str] = Field(min_length=2)
    how: Literal["inner", "left"] = "inner"

    def inputs(self, before: str) -> list[str]:
        """The branches."""
        return self.join


class Union(Part):
    """Interleave branches in the order of the records they come from."""

    kind = "union"
    union: list[str] = Field(min_length=2)

    def inputs(self, before: str) -> list[str]:
        """The branches."""
        return self.union


KINDS: dict[str, type[Part]] = {each.kind: each for each in (TaskPart, Window, Select, Join, Union)}
TOP = ("source", "tasks", "sink")


class Written(Strict):
    """A whole file."""

    source: SourcePart | None
    tasks: list[Any]
    sinks: list[SinkPart]


def parse(loaded: Any, path: str) -> Written:
    """Check what a file holds. Raises ConfigError and UnknownName, which say where in it."""
    if not isinstance(loaded, Mapping):
        raise ConfigError(
            f"`{path}` holds no mapping", hint=f"its keys are: {', '.join(TOP)}; see the guide"
        )
    for name in loaded:
        if name not in TOP:
            raise unknown(f"key in `{path}`:", str(name), TOP)
    tasks = loaded.get("tasks")
    if not isinstance(tasks, list) or not tasks:
        raise ConfigError(f"`{path}` needs a list of `tasks`", hint="tasks:\n  - task: noop")
    source, sink = loaded.get("source"), loaded.get("sink", [])
    sinks = sink if isinstance(sink, list) else [sink]
    return Written.model_construct(
        source=None if source is None else _source(source, f"`{path}`, source"),
        tasks=[_part(each, f"`{path}`, task {n}") for n, each in enumerate(tasks, start=1)],
        sinks=[_sink(each, f"`{path}`, sink") for each in sinks],
    )


def _source(given: Any, where: str) -> SourcePart:
    return _checked(SourcePart, {"path": given} if isinstance(given, str | list) else given, where)


def _sink(given: Any, where: str) -> SinkPart:
    return _checked(SinkPart, {"path": given} if isinstance(given, str) else given, where)


def _part(given: Any, where: str) -> Part:
    if isinstance(given, str):
        given = {"task": given}
    found = [kind for kind in KINDS if isinstance(given, Mapping) and kind in given]
    if len(found) != 1:
        said = f"both `{found[0]}` and `{found[1]}`" if found else "none of its kinds"
        raise ConfigError(f"{where} has {said}", hint=f"give it one of: {', '.join(KINDS)}")
    return _checked(KINDS[found[0]], given, where)


def _checked(kind: type[P], given: Any, where: str) -> P:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise _explain(kind, error, where) from None


def _explain(kind: type[Strict], error: ValidationError, where: str) -> ConfigError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in kind.model_fields.items()]
        found = unknown(f"key in {where}:", place, known)
        return ConfigError(found.message, hint=found.hint)
    return ConfigError(f"{where}: `{place or 'it'}` cannot be {first['input']!r}: {first['msg']}")
