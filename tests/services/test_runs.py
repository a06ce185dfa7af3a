"""What is waited for and followed while the store that says how it stands comes and goes."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from raymill.errors import StoreUnavailable
from raymill.services.runs import Seen, changes, settled

GONE = StoreUnavailable("gone")
BEGUN, ENDED = Seen(1, "begun", False), Seen(2, "ended", True)
Told = Seen[str] | StoreUnavailable


def looks(*told: Told) -> Callable[[], Seen[str]]:
    """Tells one after the other."""
    left: Iterator[Told] = iter(told)

    def look() -> Seen[str]:
        now = next(left)
        if isinstance(now, StoreUnavailable):
            raise now
        return now

    return look


def test_what_is_known_to_go_on_is_waited_for_though_the_store_goes_away() -> None:
    assert asyncio.run(settled(looks(BEGUN, GONE, GONE, ENDED), 60.0)) == ENDED
    assert asyncio.run(settled(looks(GONE, ENDED), 60.0, BEGUN)) == ENDED
    assert asyncio.run(settled(looks(GONE), 0.0, BEGUN)) == BEGUN


def test_what_was_never_seen_is_an_error_where_the_store_is_away() -> None:
    with pytest.raises(StoreUnavailable):
        asyncio.run(settled(looks(GONE, ENDED), 60.0))


def test_a_listener_hears_the_rest_once_the_store_is_back() -> None:
    async def heard() -> list[str]:
        return [event.data async for event in changes(looks(BEGUN, GONE, ENDED), None, 0.0)]

    assert asyncio.run(heard()) == ["begun", "ended"]
    with pytest.raises(StoreUnavailable):
        asyncio.run(anext(changes(looks(GONE), None, 0.0)))
