"""The dataset of facts when what stores into it is killed, or several store at once."""

from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from filings.reports import reports, year
from raymill.filings.dataset import Facts, FilingRow, Stored
from raymill.filings.dataset_parts import TABLE
from raymill.state.database import Database
from raymill.state.lake_compaction import check
from state.kills import ended, forked, is_killed_at

pytestmark = pytest.mark.system

Held = dict[str, list[str]]


def filing(number: int, *values: int, cik: int = 1) -> Stored:
    """A filing with a fact for each value."""
    name = f"A-{number}"
    lines = [f"Revenues {year(2000 + n)} {value} 10-K 2024-02-01" for n, value in enumerate(values)]
    facts = reports(*lines, accession=name, cik=cik, source="inline")
    return Stored(cik, name, facts, FilingRow("10-K", date(2024, 2, 1)))


def held(stored: Facts, cik: int = 1) -> Held:
    """The values of each filing; what is said of filings agrees with their facts."""
    found: Held = {}
    for row in stored.reports(cik).to_pylist():
        found.setdefault(row["accession"], []).append(row["value_text"])
    said = {row["accession"]: row["facts"] for row in stored.filings(cik).to_pylist()}
    assert said == {name: len(values) for name, values in found.items()}
    assert check(stored.lake, TABLE) == []
    return {name: sorted(values) for name, values in found.items()}


def test_a_filing_is_whole_wherever_its_writer_is_killed(
    database: Database, tmp_path: Path
) -> None:
    stored = Facts(tmp_path / "lake", database)
    for number in range(7):  # the eighth file makes the store merge them
        stored.store_all([filing(number, 10, 11)])
    before = held(stored)
    outcomes: list[bool] = []
    for number in count(1):
        new = filing(100 + number, 20, 21, 22)
        after = before | {new.accession: ["20", "21", "22"]}

        def work(new: Stored = new) -> bool:
            return stored.store_all([new])

        going = is_killed_at(number, work)
        assert held(stored) in (before, after)
        outcomes.append(held(stored) == after)
        work()
        assert held(stored) == after
        before = after
        if not going:
            break
    assert outcomes[0] is False
    assert outcomes[-1] is True
    assert len(stored.lake.files(TABLE)) < 8


def test_processes_that_store_the_same_and_other_filings_agree(
    database: Database, tmp_path: Path
) -> None:
    stored = Facts(tmp_path / "lake", database)
    stored.companies()  # the tables are made once, before anybody else is there

    def work(mark: int) -> Callable[[], None]:
        def store() -> None:
            for number in range(6):
                stored.store_all([filing(number, 1, 2), filing(number + 50, mark, mark, cik=65)])
                stored.store_all([filing(100 * mark + number, mark)])

        return store

    children = [forked(work(mark)) for mark in (1, 2, 3)]
    assert [ended(child) for child in children] == [True] * 3
    own = {f"A-{100 * mark + n}": [str(mark)] for mark in (1, 2, 3) for n in range(6)}
    assert held(stored) == {f"A-{n}": ["1", "2"] for n in range(6)} | own
    shared = held(stored, 65)
    assert sorted(shared) == [f"A-{50 + n}" for n in range(6)]
    assert all(values in (["1"] * 2, ["2"] * 2, ["3"] * 2) for values in shared.values())
