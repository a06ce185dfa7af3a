"""The screener on Ray Serve: its tests in one process again."""

import pytest

from services.test_screener import (  # noqa: F401
    screener,
    test_a_name_that_is_taken_is_a_conflict,
    test_a_stored_filter_is_used_changed_and_deleted_by_any_replica,
    test_pages_follow_one_another_by_cursor,
    test_rows_that_match_all_filters_come_back_with_the_snapshot,
    test_the_market_is_summed_up,
)

pytestmark = pytest.mark.ray
