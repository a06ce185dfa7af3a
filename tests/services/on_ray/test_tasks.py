"""The tests of tasks in one process again, on Ray Serve."""

import pytest

from services import test_tasks
from services.on_ray.again import again

pytestmark = pytest.mark.ray
SLOW = (
    "test_a_task_that_takes_too_long_is_ended_and_the_next_one_is_answered",
    "test_a_task_that_takes_too_much_memory_is_refused",
)
globals().update(again(test_tasks))
