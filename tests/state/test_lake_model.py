"""The lake against a dictionary: whatever is done in whatever order, it holds the same."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from raymill.state.database import open_database
from raymill.state.lake import Lake
from raymill.state.lake_compaction import check, compact, sweep, vacuum
from state.lakes import PRICES, TICKS, Cells, held, named, on_disk, part

MEMORY = Path("/dev/shm")
DAYS = st.lists(st.integers(0, 3), max_size=3)
SIZES = st.sampled_from([0.0, -1.5, 2.0])


class LakeModel(RuleBasedStateMachine):
    """Prices are replaced by name, ticks are appended; files are merged and removed meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None)
        self.time = 1000.0
        self.lake = Lake(
            Path(self.folder) / "lake", open_database(self.folder), now=lambda: self.time
        )
        self.prices: dict[str, list[Cells]] = {}
        self.ticks: list[Cells] = []
        self.reader, self.snapshot = ExitStack(), 0
        self.then: list[Cells] = []

    @rule(given=st.dictionaries(st.sampled_from("abc"), DAYS, min_size=1), size=SIZES)
    def replace(self, given: dict[str, list[int]], size: float) -> None:
        wanted = {name: [(name, day, size) for day in sorted(days)] for name, days in given.items()}
        cells = [cell for rows in wanted.values() for cell in rows]
        changes = any(self.prices.get(name) != rows for name, rows in wanted.items())
        done = self.lake.replace(PRICES, part(*cells, partition=f"p={size}", keys="".join(given)))
        assert (done is not None) is changes
        self.prices |= wanted

    @rule(days=DAYS, name=st.sampled_from("abc"), size=SIZES)
    def append(self, days: list[int], name: str, size: float) -> None:
        cells = [(name, day, size) for day in days]
        self.lake.append(TICKS, part(*cells, partition=f"p={name}"))
        self.ticks += cells

    @rule(whole=st.booleans(), table=st.sampled_from([PRICES, TICKS]))
    def compact(self, whole: bool, table: object) -> None:
        compact(self.lake, PRICES if table is PRICES else TICKS, whole=whole)

    @rule(keep_s=st.sampled_from([0.0, 50.0]))
    def vacuum(self, keep_s: float) -> None:
        vacuum(self.lake, keep_s=keep_s)

    @rule(passed=st.sampled_from([1.0, 100.0]))
    def wait(self, passed: float) -> None:
        self.time += passed

    @precondition(lambda self: not self.snapshot)
    @rule()
    def hold(self) -> None:
        self.snapshot = self.reader.enter_context(self.lake.hold())
        self.then = held(self.lake)

    @precondition(lambda self: self.snapshot)
    @rule()
    def let_go(self) -> None:
        self.reader.close()
        self.snapshot = 0

    @invariant()
    def it_holds_what_it_was_given(self) -> None:
        expected = sorted(cell for rows in self.prices.values() for cell in rows)
        assert held(self.lake) == expected
        assert held(self.lake, where=[("name", "=", "a"), ("day", ">", 1)]) == [
            cell for cell in expected if cell[0] == "a" and cell[1] > 1
        ]
        assert held(self.lake, table=TICKS) == sorted(self.ticks)
        assert on_disk(self.lake) == named(self.lake)
        if self.snapshot:
            assert held(self.lake, snapshot=self.snapshot) == self.then

    def teardown(self) -> None:
        self.reader.close()
        assert sweep(self.lake) == 0
        assert check(self.lake, PRICES) + check(self.lake, TICKS) == []
        self.lake.database.close()
        shutil.rmtree(self.folder)


TestLake = LakeModel.TestCase
TestLake.settings = settings(stateful_step_count=15)
