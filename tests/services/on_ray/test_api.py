"""What every route has in common, on Ray Serve: the tests of the API in one process again."""

import pytest

from services.test_api import (  # noqa: F401
    test_a_body_is_bounded_in_size_and_depth,
    test_a_body_that_is_no_json_is_refused,
    test_a_busy_service_says_when_to_come_again,
    test_a_get_with_a_json_body_is_read_as_a_query,
    test_a_websocket_gives_values_until_there_are_no_more,
    test_a_wrong_field_is_named_by_its_path_with_near_matches,
    test_an_address_without_a_route_is_a_problem_too,
    test_an_answer_stands_in_an_envelope_with_the_status_that_its_route_says,
    test_an_error_is_a_problem_with_the_status_of_its_kind,
    test_an_unknown_parameter_of_the_query_is_refused,
    test_events_go_on_behind_the_last_one_that_was_heard,
    test_the_routes_are_described_for_programs_and_for_people,
    test_what_failed_inside_is_not_told_outside,
)

pytestmark = pytest.mark.ray
