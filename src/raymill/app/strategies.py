"""The strategies that are installed, and what there is to know about one."""

import inspect
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import Any

from raymill.app.catalogue import ParameterAbout, limits, parts, type_text
from raymill.app.objects import load_object
from raymill.errors import RaymillError
from raymill.flow.registry import STRATEGIES
from raymill.flow.signature import REQUIRED, Parameter
from raymill.market.named import Named, find, is_scanner
from raymill.market.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered strategy: its name, what kind it is, its first sentence, whose it is."""

    name: str
    kind: str
    text: str
    package: str

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class About:
    """A strategy: what it does, and what can be set."""

    name: str
    kind: str
    description: str
    how: str
    parameters: list[ParameterAbout]
    schema: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


def listed() -> list[Entry]:
    """Every registered strategy; one that cannot be loaded says why."""
    points = sorted(entry_points(group=STRATEGIES), key=lambda point: point.name)
    return [_entry(point.name, point.dist.name if point.dist else "") for point in points]


def _entry(name: str, package: str) -> Entry:
    try:
        found = find(name)
    except RaymillError as error:
        return Entry(name, "", f"cannot be loaded: {error.message}", package)
    return Entry(name, _kind(found), _description(found).partition("\n")[0], package)


def _kind(found: Named) -> str:
    if found.alias is not None:
        return f"alias of {found.alias.of}"
    return "scanner" if is_scanner(found.kind) else "strategy"


def _description(found: Named) -> str:
    return found.alias.text if found.alias else inspect.getdoc(found.kind) or ""


def about(name: str) -> About:
    """Say everything about a strategy. Raises UnknownName, ConfigError."""
    if ":" in name:
        load_object(name)
    found = find(name)
    text, meanings = parts(_description(found))
    of_kind = parts(inspect.getdoc(found.kind) or "")[1]
    if found.alias:
        meanings = {n: of_kind.get(there, "") for n, there in found.alias.parameters.items()}
        meanings["symbol"] = "the instrument, among those whose bars are given."
        meanings |= found.alias.meanings
    rows = [_parameter(one, meanings) for one in found.parameters]
    return About(found.name, _kind(found), text, _how(found), rows, found.schema())


def _parameter(one: Parameter, meanings: dict[str, str]) -> ParameterAbout:
    default = "required" if one.default is REQUIRED else repr(one.default)
    bounds = " and ".join(limits(one.annotation))
    return ParameterAbout(
        one.name, type_text(one.annotation), default, bounds, meanings.get(one.name, "")
    )


def _how(found: Named) -> str:
    if is_scanner(found.kind):
        return "Looks at quotes, never at bars."
    kind = found.kind
    count = {None: "any number of instruments", 1: "one instrument"}.get(
        kind.instruments, f"{kind.instruments} instruments"
    )
    paths = "over columns and bar by bar" if kind.vector is not Strategy.vector else "bar by bar"
    return f"Trades {count}; runs {paths}."
