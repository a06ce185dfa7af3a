"""A venue of this machine, and a stream on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from market.streams.rig import Rig
from market.streams.venue import Venue


@pytest.fixture
def venue() -> Iterator[Venue]:
    with Venue() as made:
        yield made


@pytest.fixture
def rig(venue: Venue, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(venue, tmp_path)
    yield made
    made.close()
