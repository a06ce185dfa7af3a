"""Rows that wait to be stored, bounded: the newest ones stay, or the disk takes the rest."""

from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from raymill import json
from raymill.errors import StoreError

Row: TypeAlias = tuple[Any, ...]
MOST = 10_000


class Buffer(Protocol):
    """Rows that wait, in order."""

    dropped: int
    """How many rows gave way to newer ones."""
    full: str
    """Why no more rows should come, empty as long as there is room."""

    @property
    def depth(self) -> int:
        """How many wait in memory."""

    @property
    def spilled(self) -> int:
        """How many wait on the disk."""

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows."""

    def take(self, most: int) -> list[Row]:
        """Give the oldest rows, and forget them. Raises StoreError."""

    def close(self) -> None:
        """Let go of files."""


class Newest:
    """Keeps, once there are too many, of each instrument the newest row alone."""

    spilled = 0

    def __init__(self, most: int = MOST) -> None:
        self._most, self._rows = most, list[Row]()
        self.dropped, self.full = 0, ""

    @property
    def depth(self) -> int:
        """How many wait in memory."""
        return len(self._rows)

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows."""
        self._rows += rows
        if len(self._rows) > self._most:
            newest = list({row[0]: row for row in self._rows}.values())
            self.dropped += len(self._rows) - len(newest)
            self._rows = newest

    def take(self, most: int) -> list[Row]:
        """Give the oldest rows, and forget them."""
        given, self._rows = self._rows[:most], self._rows[most:]
        return given

    def close(self) -> None:
        """Nothing to let go of."""


class Every:
    """Keeps every row: what is too much for the memory waits in a file.

    Where the file takes none either, the memory does, and `full` says that no more should come.
    """

    def __init__(self, spill: "Spill", most: int = MOST) -> None:
        self._most, self._spill = most, spill
        self._rows, self._over = list[Row](), list[Row]()  # before and behind those in the file
        self.dropped, self.full = 0, ""

    @property
    def depth(self) -> int:
        """How many wait in memory."""
        return len(self._rows) + len(self._over)

    @property
    def spilled(self) -> int:
        """How many wait on the disk."""
        return self._spill.rows

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows."""
        if self._over:
            self._over += rows
        elif not self._spill.rows and len(self._rows) < self._most:
            self._rows += rows  # also those of a message that are one too many
        else:
            try:
                self._spill.add(rows)
            except StoreError as error:
                self.full = error.message
                self._over += rows

    def take(self, most: int) -> list[Row]:
        """Give the oldest rows, and forget them. Raises StoreError."""
        if not self._over:  # the ones before are stored, so that there is room again
            self.full = ""
        while len(self._rows) < most and self._spill.rows:
            self._rows += self._spill.take()
        if len(self._rows) < most:
            self._rows, self._over = self._rows + self._over, []
        given, self._rows = self._rows[:most], self._rows[most:]
        return given

    def close(self) -> None:
        """Remove the file; what was in it was not acknowledged and is asked for again."""
        self._spill.close()


class Spill:
    """Rows in a file, which is made when it is needed and gone when it is empty.

    It is no store: it helps over a slow moment, and a new owner does not read it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends: deque[tuple[int, int]] = deque()  # of each line: how many rows, its bytes
        self._read = self._written = self.rows = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Write rows behind the others. Raises StoreError."""
        if not rows:
            return
        line = json.dumps(rows) + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.truncate(self._written)  # what an earlier try left
                file.write(line)
        except OSError as error:
            raise StoreError(
                f"No room for rows that wait, in `{self._path}`: {error.strerror}",
                hint="free some space",
            ) from error
        self._ends.append((len(rows), len(line)))
        self._written += len(line)
        self.rows += len(rows)

    def take(self) -> Iterable[Row]:
        """The oldest rows that were written together. Raises StoreError."""
        rows, size = self._ends[0]
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                found = [tuple(row) for row in json.loads(file.read(size))]
        except (OSError, ValueError) as error:
            raise StoreError(f"Rows that wait in `{self._path}` cannot be read: {error}") from error
        self._ends.popleft()
        self._read += size
        self.rows -= rows
        if not self._ends:
            self.close()
        return found

    def close(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
        self._ends.clear()
        self._read = self._written = self.rows = 0
