"""Standard input and pipes: read once, in order, and handed on as soon as the producer pauses."""

import os
import select
from collections.abc import Iterator
from typing import Any

import numpy as np

from raymill.connectors.files import STDIN, InputFile
from raymill.connectors.text import BOM, SAMPLE, UNIT, Cut, LineCut, Text, check_length
from raymill.errors import InputError
from raymill.flow.source import Piece

PAUSE_S = 0.05
PATIENCE_S = 1.0
_CHUNK = 1 << 18
_TOOLS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


class TextStream:
    """Text that can only be read once. Where it is cut may depend on the producer's pauses."""

    resumable = False

    def __init__(self, file: InputFile, unit: int = UNIT) -> None:
        self.names: tuple[str, ...] = (file.name,)
        self._file, self._unit = file, unit
        self._cut: Cut = LineCut()
        self._waiting = bytearray()
        self._start = 0
        self._place: int | None = None
        self._is_over = self._is_taken = False

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_waiting": bytearray(), "_place": None, "_is_taken": True}

    def head(self, file: int = 0, size: int = SAMPLE) -> Text:
        """What arrives first: up to `size` bytes, or until the producer pauses for a second."""
        self._fill(size, PATIENCE_S)
        end = self._cut.last_end(self._waiting) if not self._is_over else len(self._waiting)
        return Text(np.frombuffer(bytes(self._waiting[:end]), np.uint8), self._start)

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """The pieces as they arrive. Raises InputError when asked a second time."""
        if self._is_taken or first:
            raise InputError(
                f"`{self._shown}` can be read only once", hint="write it to a file first"
            )
        self._is_taken = True
        number, wanted = 0, self._unit
        while not self._is_over or self._waiting:
            self._fill(wanted, PAUSE_S)
            if end := self._end():
                yield self._take(number, end)
                number, wanted = number + 1, self._unit
            else:
                wanted = max(2 * len(self._waiting), self._unit)
        self._close()

    def text(self, piece: Piece) -> Text:
        """The bytes that the piece carries."""
        data = piece.data if isinstance(piece.data, bytes) else b""
        return Text(np.frombuffer(data, np.uint8), piece.start, len(data))

    def lines_before(self, file: int, place: int) -> int:
        """Not known: what was read is gone."""
        return 0

    def in_order(self, cut: Cut) -> "TextStream":
        """The same stream: it is in order already."""
        self._cut = cut
        return self

    def identity(self) -> dict[str, Any]:
        """Only the name: a stream cannot be told from another."""
        return {"files": [{"name": self._file.name}], "unit": self._unit}

    def size_bytes(self) -> int | None:
        """Unknown."""
        return None

    @property
    def _shown(self) -> str:
        return "standard input" if self._file.path == STDIN else self._file.name

    def _end(self) -> int:
        """Where to cut: behind the unit, else at the last whole record, else at the end."""
        if len(self._waiting) >= self._unit:
            end = self._cut.first_end(self._waiting, self._unit)
            if end > 0:
                return end
        if end := self._cut.last_end(self._waiting):
            return end
        check_length(len(self._waiting), self._shown)
        return len(self._waiting) if self._is_over else 0

    def _take(self, number: int, end: int) -> Piece:
        data, start = bytes(self._waiting[:end]), self._start
        del self._waiting[:end]
        self._start += end
        return Piece(number, 0, start, start + end, data=data, size_bytes=end)

    def _fill(self, wanted: int, patience_s: float) -> None:
        """Wait for one record as long as it takes, and for more only while bytes keep coming."""
        while not self._is_over and len(self._waiting) < wanted:
            idle = self._waiting and not self._more_within(patience_s)
            if idle and self._cut.last_end(self._waiting):
                return
            data = os.read(self._opened(), _CHUNK)
            self._is_over = not data
            self._waiting += data
            if self._start == 0:
                self._begin()

    def _more_within(self, patience_s: float) -> bool:
        return bool(select.select([self._opened()], [], [], patience_s)[0])

    def _begin(self) -> None:
        for magic, tool in _TOOLS.items():
            if self._waiting.startswith(magic):
                raise InputError(
                    f"`{self._shown}` is {tool} data",
                    hint=f"decompress it first: {tool} -dc | raymill ...",
                )
        if self._waiting.startswith(BOM):
            del self._waiting[: len(BOM)]
            self._start = len(BOM)

    def _opened(self) -> int:
        if self._place is None:
            self._place = 0 if self._file.path == STDIN else os.open(self._file.path, os.O_RDONLY)
        return self._place

    def _close(self) -> None:
        if self._place:
            os.close(self._place)
            self._place = None
