"""Glances at a store: how old they get, who waits, what happens where the look fails."""

import asyncio
import threading

import pytest

from raymill.services.glance import Glance


def test_it_looks_again_only_when_the_last_look_is_too_old() -> None:
    seen, now = iter([1, 2]), [0.0]
    glance = Glance(lambda: next(seen), 1.0, lambda: now[0])

    async def look() -> list[int]:
        found = [await glance.now()]
        now[0] = 0.9
        found.append(await glance.now())
        now[0] = 1.0
        return [*found, await glance.now()]

    assert asyncio.run(look()) == [1, 1, 2]


def test_those_who_come_during_a_look_wait_for_the_same() -> None:
    begun, going, looks = threading.Event(), threading.Event(), []

    def look() -> int:
        looks.append(1)
        begun.set()
        going.wait(60)
        return len(looks)

    async def both() -> list[int]:
        glance = Glance(look, 0.0)
        first = asyncio.ensure_future(glance.now())
        await asyncio.to_thread(begun.wait, 60)
        second = asyncio.ensure_future(glance.now())
        await asyncio.sleep(0)
        going.set()
        return await asyncio.gather(first, second)

    assert asyncio.run(both()) == [1, 1]


def test_a_look_that_fails_is_told_to_all_and_not_kept() -> None:
    answers = iter([OSError("away"), 3])

    def look() -> int:
        if isinstance(found := next(answers), OSError):
            raise found
        return found

    async def twice() -> int:
        glance = Glance(look, 60.0)
        with pytest.raises(OSError, match="away"):
            await glance.now()
        return await glance.now()

    assert asyncio.run(twice()) == 3
