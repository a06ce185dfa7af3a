"""Crawls of services in the tables: how many at a time, what is handed over, what stays."""

from dataclasses import replace

import pytest

from raymill.errors import TooBusy
from raymill.market.gatherings import Gather, Gathering, GatheringTable, Part, progress
from raymill.market.place import Place, keep_place
from raymill.state.database import Database

ASKED = Gather("simulated", ("SIM1/USD", "SIM2/USD"), (1, 2), "ticks", "trade", 100, until=9.0)
ONE = Gathering("c1", ASKED, "", "running", 100.0, 105.0)
PARTS = (Part(1, 5, 3), Part(2, 6, 1))


@pytest.fixture
def table(database: Database) -> GatheringTable:
    table = GatheringTable(database)
    table.admit(ONE, 2)
    return table


def test_a_crawl_is_admitted_while_fewer_run_than_may(table: GatheringTable) -> None:
    assert table.find("c1") == ONE
    table.admit(replace(ONE, crawl_id="c2", created=101.0), 2)
    with pytest.raises(TooBusy, match="2 crawls run already, and no more than 2 may"):
        table.admit(replace(ONE, crawl_id="c3"), 2)
    table.settle("c1", "completed", 103.0, found=PARTS)
    table.admit(replace(ONE, crawl_id="c3", created=102.0), 2)
    assert [one.crawl_id for one in table.ls()] == ["c3", "c2", "c1"]
    assert [one.crawl_id for one in table.ls(before="c3", most=1)] == ["c2"]
    assert [one.crawl_id for one in table.ls(state="completed")] == ["c1"]
    assert [one.crawl_id for one in table.open()] == ["c2", "c3"]
    assert table.counts() == {"running": 2, "completed": 1, "failed": 0, "stopped": 0}


def test_what_has_ended_stays_as_it_is(table: GatheringTable) -> None:
    table.settle("c1", "completed", 103.0, found=PARTS)
    table.settle("c1", "stopped", 104.0)
    assert not table.hand_over("c1", "k1")
    done = table.find("c1")
    assert done is not None
    assert (done.state, done.ended, done.found, done.error) == ("completed", 103.0, PARTS, None)


def test_what_a_run_does_fails_by_the_run_alone(table: GatheringTable) -> None:
    assert table.hand_over("c1", "k1")
    table.settle("c1", "failed", 103.0, error={"message": "late"}, unless_run=True)
    assert [one.run for one in table.open()] == ["k1"]
    table.settle("c1", "failed", 104.0, error={"message": "refused"})
    done = table.find("c1")
    assert done is not None
    assert (done.state, done.error) == ("failed", {"message": "refused"})


def test_how_far_a_run_is_counts_all_its_symbols_and_no_other_run(
    table: GatheringTable, database: Database
) -> None:
    with database.transaction() as execute:
        for run, number, rows in (("k1/0", 2, 50), ("k1/1/3", 1, 7), ("k10/0", 9, 9), ("k1", 9, 9)):
            keep_place(execute, run, Place(0, number=number, rows=rows), 100.0)
    with database.reading() as execute:
        assert progress(execute, "k1") == (3, 57)
