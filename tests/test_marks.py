"""The marks for gaps hold what they promise."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

pytest_plugins = ["pytester"]

CONFTEST = """
import sys
sys.path.insert(0, {folder!r})
pytest_plugins = ["marks"]

def pytest_generate_tests(metafunc):
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ["local", "ray"])
"""
TESTS = """
import pytest

@pytest.mark.notyet("ray", reason="no sinks")
def test_a_gap_that_is_there(engine):
    assert engine == "local"

@pytest.mark.never("ray", reason="one process")
def test_a_gap_that_is_closed(engine):
    pass

def test_what_all_can_do(engine):
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST.format(folder=str(Path(__file__).parent)))
    (pytester.path / "conformance").mkdir()
    (pytester.path / "conformance" / "test_suite.py").write_text(TESTS)
    return pytester


def test_a_gap_must_fail_and_one_that_is_closed_turns_the_build_red(
    suite: pytest.Pytester,
) -> None:
    done = suite.runpytest_subprocess("-rf")
    done.assert_outcomes(passed=4, xfailed=1, failed=1)
    done.stdout.fnmatch_lines(["FAILED *test_a_gap_that_is_closed?ray?*"])


def test_the_table_of_support_is_made_from_the_marks(suite: pytest.Pytester) -> None:
    suite.runpytest_subprocess("--collect-only", "--support", "support.json")
    assert json.loads((suite.path / "support.json").read_text()) == [
        {"what": "a gap that is there", "engines": {"local": "yes", "ray": "not yet: no sinks"}},
        {"what": "a gap that is closed", "engines": {"local": "yes", "ray": "never: one process"}},
        {"what": "what all can do", "engines": {"local": "yes", "ray": "yes"}},
    ]
