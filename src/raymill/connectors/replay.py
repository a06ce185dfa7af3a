"""An input that comes at a pace: so many records a second, or as its own times tell."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.connectors.carried import carried, carry, cut_block
from raymill.errors import ConfigError, unknown
from raymill.flow.source import Block, Piece, Source

SHORTEST_S = 0.01
_SLICE_S = 0.05


class Replayed:
    """Hands records on no sooner than they are due.

    With `rate`, so many a second. With `time_scale`, the gap between a record's time (`column`,
    epoch milliseconds) and that of the first record is multiplied by it: 0.01 is a hundred times
    faster. Gaps under 10 ms are not waited for.
    """

    def __init__(
        self,
        source: Source,
        *,
        rate: float | None = None,
        time_scale: float | None = None,
        column: str = "ts",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        hidden: bool = False,
    ) -> None:
        if (rate is None) == (time_scale is None):
            raise ConfigError("A replay needs either a rate or a time scale")
        if not (pace := rate if rate is not None else time_scale) or pace <= 0:
            raise ConfigError(f"A replay cannot have the pace {pace}")
        self._source = source
        self._rate, self._time_scale, self._column = rate, time_scale, column
        self._clock, self._sleep = clock, sleep
        self._hidden = hidden  # the column of times is read for the pace alone
        self.names = source.names
        self.resumable = getattr(source, "resumable", True)

    def __getstate__(self) -> dict[str, Any]:
        # Pieces carry their rows, so elsewhere no clock is needed.
        return {**self.__dict__, "_clock": time.monotonic, "_sleep": time.sleep}

    def schema(self) -> pa.Schema:
        """The columns of the source."""
        return self._shown(self._checked())

    def select(self, columns: frozenset[str] | None) -> "Replayed":
        """Make only these columns (the column of times is read in any case)."""
        self._checked()
        hidden, wanted = False, columns
        if self._time_scale is not None and columns is not None:
            hidden, wanted = self._column not in columns, columns | {self._column}
        return Replayed(
            self._source.select(wanted),
            rate=self._rate,
            time_scale=self._time_scale,
            column=self._column,
            clock=self._clock,
            sleep=self._sleep,
            hidden=hidden,
        )

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """Slices of the source's blocks, each when its first record is due."""
        schema = self.schema()
        begun: tuple[float, float] | None = None
        for number, (block, due, file) in enumerate(self._slices()):
            if number < first:
                continue
            if begun is None:
                begun = self._clock(), due
            wait = begun[0] + (due - begun[1]) - self._clock()
            if wait > SHORTEST_S:
                self._sleep(wait)
            batch = block.batch.select(schema.names)
            shown = Block(batch, block.span, block.lines, block.rejects, block.size_bytes)
            yield carry(shown, number, file)

    def read(self, piece: Piece) -> Iterator[Block]:
        """What the piece carries."""
        yield carried(piece)

    def identity(self) -> Mapping[str, Any]:
        """The source; and the pace, for it decides where pieces are cut."""
        pace = {"rate": self._rate, "time_scale": self._time_scale, "column": self._column}
        return {"replay": pace, "of": self._source.identity()}

    def size_bytes(self) -> int | None:
        """The size of the source."""
        return self._source.size_bytes()

    def _checked(self) -> pa.Schema:
        schema = self._source.schema()
        if self._time_scale is not None and self._column not in schema.names:
            raise unknown("column of times", self._column, schema.names)
        return schema

    def _shown(self, schema: pa.Schema) -> pa.Schema:
        fields = [f for f in schema if not (self._hidden and f.name == self._column)]
        return pa.schema(fields or list(schema))

    def _slices(self) -> Iterator[tuple[Block, float, int]]:
        """Slices of blocks, when they are due, and their file."""
        due = self._by_rate() if self._rate is not None else self._by_time()
        next(due)
        for piece in self._source.pieces():
            for block in self._source.read(piece):
                starts, times = due.send(block)
                for part, at in zip(cut_block(block, starts), times, strict=True):
                    yield part, at, piece.file

    def _by_rate(self) -> Any:
        assert self._rate is not None
        step = max(1, int(self._rate * _SLICE_S))
        count, answer = 0, None
        while True:
            block = yield answer
            starts = list(range(0, block.batch.num_rows, step)) or [0]
            answer = starts, [(count + start) / self._rate for start in starts]
            count += block.batch.num_rows

    def _by_time(self) -> Any:
        assert self._time_scale is not None
        zero: float | None = None
        latest, answer = 0.0, None
        while True:
            block = yield answer
            times = _times(block.batch.column(self._column))
            if zero is None and len(times) and np.isfinite(times[0]):
                zero = float(times[0])
            due = (times - (zero or 0.0)) * (self._time_scale / 1000)
            due = np.where(np.isfinite(due), due, latest)
            due = np.maximum.accumulate(np.concatenate(([latest], due)))[1:]
            slots = np.floor(due / SHORTEST_S)
            starts = [0, *(np.flatnonzero(np.diff(slots) > 0) + 1).tolist()]
            answer = starts, [float(due[start]) if len(due) else latest for start in starts]
            latest = float(due[-1]) if len(due) else latest


def _times(column: "pa.Array[Any]") -> NDArray[np.float64]:
    """Epoch milliseconds; a missing time is that of the record before, else of the next."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms")).cast(pa.int64())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise ConfigError(f"A column of times cannot be {column.type}", hint="epoch milliseconds")
    times: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    known = np.isfinite(times)
    places = np.maximum.accumulate(np.where(known, np.arange(len(times)), 0))
    filled = times[places]
    return np.where(np.isfinite(filled), filled, times[known][0] if known.any() else np.nan)
