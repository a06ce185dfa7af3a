"""Parameters: read from a signature, checked once where outside data enters, plain values
inside."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

from raymill.errors import ConfigError, InputError, unknown
from raymill.flow.signature import REQUIRED, Parameter

PropertyRule = str | Callable[[str], Mapping[str, Any]]
"""What a `.properties` key means: a parameter's name, or a function of its text to several
values."""


def of_dataclass(kind: type[Any]) -> tuple[Parameter, ...]:
    """Read the parameters of a column task from its dataclass fields."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for field in fields(kind):
        default = field.default
        if default is MISSING:
            default = REQUIRED if field.default_factory is MISSING else field.default_factory()
        if field.init and not field.name.startswith("_"):
            found.append(Parameter(field.name, hints[field.name], default))
    return tuple(found)


@lru_cache(maxsize=256)
def _model(task: str, parameters: tuple[Parameter, ...]) -> Any:
    from pydantic import ConfigDict, create_model

    definitions: dict[str, Any] = {
        p.name: (p.annotation, ... if p.default is REQUIRED else p.default) for p in parameters
    }
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    return create_model(task, __config__=config, **definitions)


def model(task: str, parameters: Iterable[Parameter]) -> Any:
    """Make the pydantic model of a task's parameters."""
    frozen = tuple(parameters)
    try:
        return _model(task, frozen)
    except TypeError:  # a default that cannot be hashed
        return _model.__wrapped__(task, frozen)


def validate(
    task: str, parameters: tuple[Parameter, ...], given: Mapping[str, Any], what: str = "task"
) -> dict[str, Any]:
    """Check given values and fill in defaults. Raises ConfigError that names task, parameter and
    value; `what` is what it is called there.

    Text is read as the parameter's type; where that fails, as YAML (lists, mappings).
    """
    known = [p.name for p in parameters]
    for name in given:
        if name not in known:
            error = unknown(f"parameter of {what} `{task}`:", name, known)
            error.details["parameter"] = name
            raise error
    from pydantic import ValidationError

    shape = model(task, parameters)
    try:
        return _values(shape.model_validate(dict(given)), known)
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
        texts = {n: _as_yaml(v) if n in wrong else v for n, v in given.items()}
        try:
            return _values(shape.model_validate(texts), known)
        except ValidationError:
            raise _explain(task, error, what) from None


def _values(checked: Any, names: list[str]) -> dict[str, Any]:
    return {name: getattr(checked, name) for name in names}


def _as_yaml(text: Any) -> Any:
    import yaml

    if not isinstance(text, str):
        return text
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return text


_PLURALS = {"task": "tasks", "strategy": "strategies"}


def _explain(task: str, error: Any, what: str) -> ConfigError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "?"
    if first["type"] == "missing":
        return ConfigError(
            f"{what.capitalize()} `{task}` needs parameter `{name}`",
            hint=f"--set {name}=VALUE",
            parameter=name,
        )
    return ConfigError(
        f"Parameter `{name}` of {what} `{task}` cannot be {first['input']!r}: {first['msg']}",
        hint=f"raymill {_PLURALS[what]} show {task}",
        parameter=name,
    )


def properties(text: str) -> dict[str, str]:
    """Read a Java `.properties` text: `key=value` or `key: value`, `#` and `!` comments, `\\`
    joins lines.

    >>> properties("A.B = 1\\n# no\\nC: x, y")
    {'A.B': '1', 'C': 'x, y'}
    """
    found: dict[str, str] = {}
    pending = ""
    for raw in text.splitlines():
        line = pending + raw.strip()
        pending = ""
        if not line or line[0] in "#!":
            continue
        if line.endswith("\\"):
            pending = line[:-1]
            continue
        cut = min((line.find(mark) for mark in "=:" if mark in line), default=len(line))
        found[line[:cut].strip()] = line[cut + 1 :].strip()
    return found


def read_config(path: str | Path, rules: Mapping[str, PropertyRule]) -> dict[str, Any]:
    """Load parameters from a YAML file or a RIoTBench `.properties` file. Raises InputError,
    ConfigError.

    Keys of other tasks in a `.properties` file are passed over: such a file configures many tasks.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Configuration file `{place}` cannot be read: {error}") from error
    if place.suffix == ".properties":
        return _from_properties(properties(text), rules)
    import yaml

    try:
        loaded = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"Configuration file `{place}` is not YAML: {error}") from error
    if not isinstance(loaded, dict | None):
        raise ConfigError(f"Configuration file `{place}` holds no mapping of parameters")
    return dict(loaded or {})


def _from_properties(found: Mapping[str, str], rules: Mapping[str, PropertyRule]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, rule in rules.items():
        if key in found:
            values.update({rule: found[key]} if isinstance(rule, str) else rule(found[key]))
    return values


def call_with(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a function with those of `values` that it names."""
    wanted = inspect.signature(function).parameters
    return function(**{name: value for name, value in values.items() if name in wanted})
