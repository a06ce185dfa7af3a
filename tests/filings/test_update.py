"""What was filed since the last look; the clock stands on 2026-03-06."""

from pathlib import Path
from typing import Any

from filings.daily_indexes import index
from filings.filer import Filer, documents, sec
from filings.mill import Mill, mill_at


def path(day: str) -> str:
    return f"/Archives/edgar/daily-index/2026/QTR1/form.{day}.idx"


def update(mill: Mill, **asked: Any) -> Any:
    return mill.of(mill.updating, **asked)


def test_only_companies_of_the_dataset_that_filed_are_asked_for(tmp_path: Path) -> None:
    tiny, other = Filer(), Filer(777, "OTH", "Other")
    tiny.file(1)
    with sec(tiny, other) as server, mill_at(server, tmp_path) as mill:
        mill.run("TNY")
        new = tiny.file(2, form="10-Q", filed="2026-03-02")
        lines = [("10-Q", 12345, new), ("10-K", 777, "0000000777-26-000001")]
        tiny.bodies[path("20260302")] = index(*lines, ("4", 12345, "0000000001-26-000001"))
        tiny.bodies[path("20260305")] = index()
        done = update(mill, since="2026-03-01")
        assert (done["days"], done["companies"], done["filings"]) == (6, 1, 1)
        assert done["failures"] == []
        assert mill.values() == ["100", "200"]
        assert mill.room.ledger.cursor("daily-index") == "2026-03-05"
        known = mill.room.ledger.find("TNY")
        assert known is not None
        assert (known.generation, known.status.value, known.facts) == (2, "completed", 1)
        asked = server.count("/submissions/CIK0000012345.json")
        again = update(mill)
        assert (again["days"], again["companies"]) == (2, 0)
        assert server.count("/submissions/CIK0000012345.json") == asked


def test_where_a_filing_fails_the_next_look_begins_where_this_one_did(tmp_path: Path) -> None:
    tiny = Filer()
    tiny.file(1)
    with sec(tiny) as server, mill_at(server, tmp_path) as mill:
        mill.run("TNY")
        new = tiny.file(2, b"<html>sorry</html>", filed="2026-03-02")
        tiny.bodies[path("20260302")] = index(("10-K", 12345, new))
        done = update(mill, since="2026-03-02")
        assert done["failures"][0]["called"] == "TNY"
        assert "is no inline XBRL" in done["failures"][0]["message"]
        assert mill.room.ledger.cursor("daily-index") is None
        assert len(set(documents(server.paths()))) == 2


def test_without_a_last_look_it_begins_before_the_oldest_company(tmp_path: Path) -> None:
    tiny = Filer()
    tiny.file(1)
    with sec(tiny) as server:
        with mill_at(server, tmp_path, now=1_772_539_200.0) as mill:  # 2026-03-03 12:00
            mill.run("TNY")
        with mill_at(server, tmp_path) as mill:
            assert update(mill)["days"] == 5
        assert server.count(path("20260302")) == 1
        assert server.count(path("20260301")) == 0
