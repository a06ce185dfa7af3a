"""A task by itself: how it is named and configured, and what it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from raymill.errors import unknown
from raymill.flow.column_task import Spec
from raymill.flow.declare import Configured, Declared, as_declared, first_port
from raymill.flow.parameters import PropertyRule, read_config
from raymill.flow.pipeline import Stream

Config: TypeAlias = Mapping[str, Any] | str | PathLike[str] | None
"""Parameters as a mapping, or the path of a YAML or `.properties` file."""

VALUE = "value"
_BINDINGS = ("field", "key", "as_")


@dataclass(frozen=True)
class SingleTask:
    """A task with everything that is said about it: parameters, field, key, output name."""

    task: Configured
    given: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name

    @cached_property
    def spec(self) -> Spec:
        """What the task declares. Raises ConfigError for a wrong parameter."""
        known = {parameter.name for parameter in self.task.declared.parameters}
        return self.task.lift(**{n: v for n, v in self.given.items() if n in known}).spec()

    @property
    def first(self) -> str | None:
        """The input that `field` binds; None for a task that reads no field."""
        return first_port(self.spec.reads)

    @property
    def column(self) -> str:
        """The column that a plain value is put into."""
        field = self.given.get("field")
        if isinstance(field, str):
            return field
        return str(self.given.get(self.first or "") or self.first or VALUE)

    def reading(self, names: list[str]) -> "SingleTask":
        """Bind the first input to the only column that there is, unless told otherwise."""
        free = self.first is not None and self.first not in self.given
        if len(names) == 1 and free and "field" not in self.given and self.first not in names:
            return replace(self, given={**self.given, "field": names[0]})
        return self

    def seeing(self, names: list[str]) -> "SingleTask":
        """Let a function of a whole record see these fields and no other."""
        declared = self.task.declared
        if declared.is_columns or not declared.signature.record or declared.options.reads:
            return self
        options = replace(declared.options, reads=tuple(names))
        seen: Declared[..., Any] = Declared(declared.fn, declared.name, options)
        return replace(self, task=replace(self.task, declared=seen))

    def then(self, stream: Stream) -> Stream:
        """Send a stream through the task."""
        return stream.then(self.task, **self.given)


def single(task: Any, config: Config = None) -> SingleTask:
    """Find a task and read its configuration.

    task: a registered name, a declared task, or one with parameters such as `KalmanFilterTask()`.
    config: names of parameters or of RIoTBench properties, and `field`, `key`, `as_`.
    Raises UnknownName with near matches, ConfigError, InputError.
    """
    found = as_declared(task)
    rules = found.declared.options.properties
    if config is None:
        given: dict[str, Any] = {}
    elif isinstance(config, Mapping):
        given = _translated(config, rules)
    else:
        given = read_config(Path(config), rules)
    one = SingleTask(found, _bound(given))
    _check_names(one)
    return one


def _check_names(one: SingleTask) -> None:
    """Refuse a name that is neither parameter nor input, where the inputs are known by now."""
    declared = one.task.declared
    reads = list(one.spec.reads)
    if declared.is_columns or declared.signature.record:
        return
    names = [*(parameter.name for parameter in declared.parameters), *reads, *_BINDINGS]
    for name in one.given:
        if name not in names:
            raise unknown(f"parameter of task `{one.name}`:", name, names)


def _translated(config: Mapping[str, Any], rules: Mapping[str, PropertyRule]) -> dict[str, Any]:
    """Give properties their meaning; those of other tasks are passed over, as in a file."""
    given: dict[str, Any] = {}
    for name, value in config.items():
        rule = rules.get(name)
        if rule is not None:
            given.update({rule: value} if isinstance(rule, str) else rule(str(value)))
        elif not ("." in name and name.isupper()):
            given[name] = value
    return given


def _bound(given: dict[str, Any]) -> dict[str, Any]:
    """A list of one field is that field, so that the output bears the task's own name."""
    found = {n: v for n, v in given.items() if n not in _BINDINGS or v is not None}
    field = found.get("field")
    if isinstance(field, list | tuple) and len(field) == 1:
        found["field"] = field[0]
    return found
