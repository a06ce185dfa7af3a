"""A stream whose owner is killed, put out, or has no disk: nothing lost, nothing twice."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from market.streams.rig import LIMIT_S, Rig, played, until
from market.streams.venue import Venue
from raymill import faults
from raymill.errors import Fenced
from raymill.market.streams.stream import Stream
from raymill.state.database import open_database
from state.kills import ended, forked

pytestmark = pytest.mark.system


def is_whole(ids: list[int], last: int) -> bool:
    """Whether each trade up to this one is there once, from some first one on."""
    return bool(ids) and ids == list(range(ids[0], last + 1))


def owned(venue: Venue, folder: Path, point: int, last: int) -> None:
    """Own the stream until a trade and all before it are stored, or a fault point is reached."""
    passed = [0]

    def die(name: str) -> None:
        passed[0] += 1
        if passed[0] == point:
            os.kill(os.getpid(), 9)

    rig = Rig(venue, folder, owners=point)
    faults.disarm()
    faults.watch(die)

    async def stored() -> None:
        running = asyncio.ensure_future(rig.stream().run())
        await until(lambda: is_whole(rig.ids(), last), f"trade {last}")
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(stored())


def test_killed_at_every_point_it_loses_nothing_and_doubles_nothing(
    venue: Venue, tmp_path: Path
) -> None:
    points, acknowledged = 0, list[int]()
    rig = Rig(venue, tmp_path)
    while not lives_through(venue, tmp_path, points := points + 1):
        asyncio.run(until(lambda: not venue.listening, "the end of the connection"))
        assert rig.told().rows == len(rig.ids())
        assert set(acknowledged) <= set(rig.ids())
        acknowledged = rig.ids()
    assert points > 10
    assert is_whole(rig.ids(), 4 * points)
    assert rig.told().rows == len(rig.ids())
    rig.close()


def lives_through(venue: Venue, folder: Path, point: int) -> bool:
    """Trade while an owner is there who dies at a fault point; whether there was none such."""
    child = forked(lambda: owned(venue, folder, point, 4 * point))
    asyncio.run(until(lambda: venue.listening or is_over(child), "a client"))
    venue.trade("BTCUSDT", 2)
    venue.trade("BTCUSDT", 1, sent=False)
    venue.trade("BTCUSDT", 1)
    return ended(child)


def is_over(child: int) -> bool:
    """Whether a process has ended; it is still to be waited for."""
    found = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return found is not None


def test_an_owner_that_another_one_follows_stores_nothing_more(rig: Rig, venue: Venue) -> None:
    async def both() -> None:
        first = asyncio.ensure_future(rig.stream().run())
        await until(lambda: venue.listening, "the first")
        venue.trade("BTCUSDT", 3)
        await until(lambda: rig.told().rows == 3, "three rows")
        second = asyncio.ensure_future(rig.stream().run())
        await asyncio.wait([first])
        assert isinstance(first.exception(), Fenced)
        await until(lambda: venue.listening == 1, "the second alone")
        venue.trade("BTCUSDT", 3)
        await until(lambda: rig.told().rows == 6, "six rows")
        rig.stop()
        assert (await second)[:3] == ("stopped", 6, 6)

    asyncio.run(asyncio.wait_for(both(), LIMIT_S))
    assert rig.ids() == [1, 2, 3, 4, 5, 6]


def test_one_that_is_cancelled_stores_what_it_has_and_the_next_goes_on(
    rig: Rig, venue: Venue
) -> None:
    async def cancelled() -> None:
        stream = rig.stream()
        running = asyncio.ensure_future(stream.run())
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT", 3)
        await until(lambda: stream.intake.counts.messages == 3, "three trades")
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()

    asyncio.run(cancelled())
    assert (rig.ids(), rig.told().state) == ([1, 2, 3], "requested")
    venue.trade("BTCUSDT", 3)

    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT", 1)
        await until(lambda: rig.told().rows == 7, "seven rows")

    totals = played(rig, play)
    assert totals[:3] == ("stopped", 4, 7)
    assert rig.ids() == list(range(1, 8))


def test_while_the_disk_is_slow_rows_wait_on_it_and_the_stream_says_how_many(
    rig: Rig, venue: Venue
) -> None:
    rig.most = 10
    other = open_database(rig.folder / "home")

    async def play(stream: Stream) -> None:
        await until(lambda: venue.listening, "a client")
        venue.trade("BTCUSDT", 2)
        await until(lambda: rig.told().rows == 2, "two rows")
        with other.transaction():  # which everybody waits for who stores something
            venue.trade("BTCUSDT", 15)
            await until(lambda: stream.intake.counts.messages == 17, "what fits into memory")
            venue.trade("BTCUSDT", 35)
            await until(lambda: stream.intake.counts.messages == 52, "all trades")
            waiting = stream.status()
            assert waiting["lagging"] >= 35
            assert waiting["lagging"] + waiting["queue_depth"] == 50
        await until(lambda: rig.told().rows == 52, "all rows")

    played(rig, play)
    assert rig.ids() == list(range(1, 53))
    assert rig.told().status["lagging"] == 0
    assert not any((rig.folder / "spill").iterdir())
    assert venue.rest.count() == 0
    other.close()


FULL = """
import asyncio
from contextlib import suppress
from pathlib import Path
from market.streams.rig import Rig, played, until
from market.streams.venue import Venue

async def play(stream):
    await until(lambda: venue.listening, "a client")
    venue.trade("BTCUSDT", 3)
    await until(lambda: rig.told().rows == 3, "three rows")
    ballast = Path("disk/ballast")
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    await until(lambda: stream.intake.full or not venue.trade("BTCUSDT", 20), "no room")
    await until(lambda: not venue.listening, "the end of the connection")
    print(stream.status(stream.intake.full)["reason"].partition(" `")[0])
    venue.trade("BTCUSDT", 20)
    ballast.unlink()
    await until(lambda: venue.listening, "a client again")
    venue.trade("BTCUSDT", 1)
    await until(lambda: rig.told().rows == len(venue.trades["BTCUSDT"]), "all rows")

with Venue() as venue:
    rig = Rig(venue, Path("disk").absolute(), most=50)
    played(rig, play)
    all_of_them = list(range(1, len(venue.trades["BTCUSDT"]) + 1))
    print(rig.ids() == all_of_them, rig.told().status["lagging"])
    print({gap.state for gap in rig.gaps()})
    rig.close()
"""


def test_on_a_full_disk_it_says_so_and_goes_on_without_a_hole_once_there_is_space(
    tmp_path: Path, need: Callable[[object, str], None]
) -> None:
    need(shutil.which("unshare"), "unshare")
    (tmp_path / "full.py").write_text(FULL)
    tests = str(Path(__file__).parents[2])
    script = (
        "mkdir disk && mount -t tmpfs -o size=4m none disk && "
        f"PYTHONPATH=$PYTHONPATH:{tests} {sys.executable} full.py"
    )
    done = subprocess.run(
        ["unshare", "-Urm", "bash", "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    need("unshare" not in done.stderr, f"user namespaces ({done.stderr.strip()})")
    assert done.stdout.splitlines() == [
        "No room for rows that wait, in",
        "True 0",
        "{'filled'}",
    ], done.stderr
