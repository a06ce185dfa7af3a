"""Strategies by name: registered ones, those of a file, and names that stand for others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from raymill.errors import ConfigError, UnknownName, unknown
from raymill.flow.parameters import model, of_dataclass, validate
from raymill.flow.registry import STRATEGIES, load, locate, names, reference_to
from raymill.flow.signature import Parameter
from raymill.market.strategy import Strategy


@dataclass(frozen=True)
class Alias:
    """A name that stands for a strategy, with parameters of its own.

    `parameters` says what each of them is called there; `symbol` chooses the instrument.
    """

    text: str
    of: str
    parameters: Mapping[str, str]
    defaults: Mapping[str, Any]
    scale: Mapping[str, float] = field(default_factory=dict)  # what a value is multiplied by
    meanings: Mapping[str, str] = field(default_factory=dict)  # where it is not that of the other
    takes_symbol: bool = True


@dataclass(frozen=True)
class Named:
    """A strategy's class under the name that it was asked for."""

    name: str
    kind: type[Any]
    alias: Alias | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process loads the class from where it lies, which may be a file."""
        return _again, (self.name, self.place or self.kind, self.alias)

    @property
    def place(self) -> str | None:
        """Where the class lies; None where no other process finds it, as in a REPL."""
        return reference_to(self.kind)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What can be set, under the names of this strategy or alias."""
        own = of_dataclass(self.kind)
        if self.alias is None:
            return own
        by_name = {one.name: one for one in own}
        taken = [
            Parameter(name, by_name[there].annotation, self.alias.defaults[name])
            for name, there in self.alias.parameters.items()
        ]
        symbol = [Parameter("symbol", str | None, None)] if self.alias.takes_symbol else []
        return (*symbol, *taken)

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the parameters."""
        return model(self.name, self.parameters).model_json_schema()  # type: ignore[no-any-return]

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check values and fill in defaults. Raises ConfigError, UnknownName."""
        return validate(self.name, self.parameters, given, "strategy")

    def own(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Checked values under the names of the strategy that an alias stands for."""
        if self.alias is None:
            return dict(values)
        return {
            there: values[name] * self.alias.scale.get(name, 1)
            for name, there in self.alias.parameters.items()
        }

    def make(self, given: Mapping[str, Any]) -> Any:
        """A strategy with these parameters. Raises ConfigError, UnknownName."""
        made = self.kind(**self.own(self.values(given)))
        made.check()
        return made


def _again(name: str, kind: str | type[Any], alias: Alias | None) -> Named:
    return Named(name, locate(kind) if isinstance(kind, str) else kind, alias)


def find(name: str) -> Named:
    """Find a strategy: a registered name, `module:Class` or `FILE.py:Class`.

    Raises UnknownName with near matches, ConfigError for what is no strategy.
    """
    if ":" in name:
        return _named(name.rpartition(":")[2], locate(name), name)
    if name not in names(STRATEGIES):
        raise _unknown(name)
    found = load(STRATEGIES, name)
    if isinstance(found, Alias):
        return Named(name, load(STRATEGIES, found.of), found)
    return _named(name, found, name)


def _unknown(name: str) -> Exception:
    if name.endswith(".py"):
        return ConfigError(f"`{name}` names no class", hint=f"write {name}:CLASS")
    return unknown("strategy", name, names(STRATEGIES), kind=UnknownName)


def _named(name: str, found: Any, reference: str) -> Named:
    if not isinstance(found, type) or not (issubclass(found, Strategy) or is_scanner(found)):
        raise ConfigError(
            f"`{reference}` is no strategy", hint="write a dataclass that is a Strategy"
        )
    return Named(name, found)


def is_scanner(kind: type[Any]) -> bool:
    """Whether a class looks for opportunities in quotes instead of deciding on bars."""
    return bool(getattr(kind, "scans_quotes", False))
