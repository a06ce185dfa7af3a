"""The tests of tickscrawler in one process again, on Ray Serve."""

import pytest

from services import test_tickscrawler
from services.on_ray.again import again

pytestmark = pytest.mark.ray
globals().update(again(test_tickscrawler))
