"""Companies on their way, as a command tells of them."""

import sys
from dataclasses import replace
from typing import Any

import pytest

from raymill.cli.filings.following import Lines, follow
from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingStatus as Status

ASKED = [Standing("A", "r1", Status.DISCOVERED), Standing("B", "r2", Status.DISCOVERED)]
STEPS = [
    replace(ASKED[0], status=Status.EXTRACTING_FACTS),
    replace(ASKED[0], status=Status.EXTRACTING_FACTS, filings=2),
    replace(ASKED[1], status=Status.ERROR, message="it was not there"),
    replace(ASKED[0], status=Status.COMPLETED, filings=2, facts=1674),
]


class Followed:
    """Companies that change as they are told to."""

    def follow(self, known: Any) -> Any:
        assert [one.called for one in known] == ["A", "B"]
        return iter(STEPS)


def test_a_line_for_each_state_and_the_last_ones_in_the_order_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found: Any = Followed()
    assert [one.status.value for one in follow(found, ASKED)] == ["completed", "error"]
    assert capsys.readouterr().err.splitlines() == [
        "A: extracting_facts",
        "[1/2] B failed: it was not there",
        "[2/2] A: 2 new filings, 1,674 facts",
    ]


def test_a_bar_on_a_terminal_and_failures_above_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    found: Any = Followed()
    follow(found, ASKED)
    told = capsys.readouterr().err
    assert "B failed: it was not there" in told
    assert "2/2" in told


def test_lines_without_an_end_have_no_count(capsys: pytest.CaptureFixture[str]) -> None:
    Lines().tell(STEPS[-1])
    assert capsys.readouterr().err == "A: 2 new filings, 1,674 facts\n"
