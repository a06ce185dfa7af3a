"""A row that can be measured: what it times, on which data, and against which other row."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
RECORDS = 5_000_000  # what the rows over columns take, unless told otherwise
MILLIONS = "M records/s"


class Sample(NamedTuple):
    """One run: the figure, and how many records it was found on."""

    value: float
    records: int
    cores: float | None = None  # kept busy on average by this process, None where others work


Work = Callable[[], Sample]


@dataclass
class Setup:
    """What rows are prepared with: how much, of what data, where files may lie for a while."""

    records: int = RECORDS
    runs: int = 5
    data: Path | None = None
    minutes: float = 2.0  # of rows that last as long as is wanted
    folder: Path = Path()  # for files; emptied behind each family of rows
    lasting: ExitStack = field(default_factory=ExitStack)  # left at the very end
    kept: dict[Any, Any] = field(default_factory=dict)

    def count(self, usual: int) -> int:
        """How many records a row takes that usually takes this many."""
        return max(1, usual * self.records // RECORDS)

    @property
    def lasting_folder(self) -> Path:
        """A folder for what several families use; it goes at the very end."""

        def make() -> Path:
            room = TemporaryDirectory(prefix="raymill-bench-", ignore_cleanup_errors=True)
            return Path(self.lasting.enter_context(room))

        return self.once("folder", make)

    def once(self, name: Any, make: Callable[[], T]) -> T:
        """Make something that several rows use."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Case:
    """One row before it is measured."""

    name: str
    text: str  # what is timed
    prepare: Callable[[Setup], Work]
    unit: str = MILLIONS
    stream: str = "city"  # whose data it takes, "" for none
    against: str = ""  # the row that its figure is divided by
    warm: bool = True  # one run before those that count
    most_runs: int = 100
    large: bool = False  # takes minutes or gigabytes
    needs: str = ""  # a module that must be installed
    lacks: Callable[[], str] = str  # says what it lacks here, such as a server


def speed(work: Callable[[], int], per: float = 1e6) -> Work:
    """Time a call that says how many records it took: records (in `per`) a second."""
    return _timed(work, lambda records, elapsed: records / elapsed / per)


def seconds(work: Callable[[], int], scale: float = 1.0) -> Work:
    """Time a call, as seconds or a part of them; it says how many records it took."""
    return _timed(work, lambda records, elapsed: elapsed * scale)


def _timed(work: Callable[[], int], figure: Callable[[int, float], float]) -> Work:
    def run() -> Sample:
        begun, busy = time.perf_counter(), time.process_time()
        records = work()
        elapsed = time.perf_counter() - begun
        return Sample(figure(records, elapsed), records, (time.process_time() - busy) / elapsed)

    return run
