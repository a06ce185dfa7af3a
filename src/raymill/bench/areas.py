"""The areas that can be measured, by name; a room adds its own, loaded when it is asked for."""

from collections.abc import Iterable, Iterator

from raymill.bench.case import Case
from raymill.errors import unknown
from raymill.flow.registry import locate

AREAS = {
    "streams": "raymill.bench.streams:cases",
    "filings": "raymill.bench.filings:cases",
    "workflows": "raymill.bench.workflows:cases",
    "market": "raymill.bench.market:cases",
    "services": "raymill.bench.services:cases",
    "soak": "raymill.bench.services.soak:cases",
}


def cases(names: Iterable[str] = (), *, large: bool = False) -> list[Case]:
    """The rows of some areas, or single rows: a name takes all that lie below it.

    Raises UnknownName with near matches.
    """
    chosen = tuple(names)
    known = {area: list(_area(area)) for area in _needed(chosen)}
    every = [case for area in known.values() for case in area]
    for name in chosen:
        if not any(_below(case.name, name) for case in every):
            raise unknown("area or row", name, [*AREAS, *(case.name for case in every)])
    found = [case for case in every if not chosen or any(_below(case.name, n) for n in chosen)]
    return [case for case in found if large or not case.large or case.name in chosen]


def _below(name: str, chosen: str) -> bool:
    return name == chosen or name.startswith(f"{chosen}.")


def _area(name: str) -> Iterator[Case]:
    yield from locate(AREAS[name])()


def _needed(chosen: tuple[str, ...]) -> list[str]:
    wanted = {name.partition(".")[0] for name in chosen} & set(AREAS)
    return [area for area in AREAS if area in wanted or not wanted]
