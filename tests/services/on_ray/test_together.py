"""The tests of several services in one process again, on Ray Serve."""

import pytest

from services import test_together
from services.on_ray.again import again

pytestmark = pytest.mark.ray
globals().update(again(test_together))
