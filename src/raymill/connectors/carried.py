"""Blocks that travel inside of a piece, and blocks cut at rows."""

import pickle
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from raymill.flow.source import Block, Piece


def carry(block: Block, number: int, file: int = 0) -> Piece:
    """A piece that carries a block, rejects and line numbers included."""
    data = pickle.dumps(block, protocol=5)
    return Piece(number, file, data=data, size_bytes=block.batch.nbytes)


def carried(piece: Piece) -> Block:
    """The block that `carry` put in."""
    assert isinstance(piece.data, bytes)
    block: Block = pickle.loads(piece.data)
    return block


def cut_block(block: Block, rows: Sequence[int]) -> Iterator[Block]:
    """Cut a block before these rows; lines and rejects go with the row behind them."""
    count = block.batch.num_rows
    inner = [row for row in rows if 0 < row < count]
    if not inner:
        yield block
        return
    lines = np.arange(count, dtype=np.int32) if block.lines is None else block.lines
    borders = [0, *(int(lines[row - 1]) + 1 for row in inner), block.span]
    places = zip(pairwise([0, *inner, count]), pairwise(borders), strict=True)
    for (start, stop), (top, bottom) in places:
        rejects = tuple(
            type(reject)(reject.line - top, reject.reason, reject.text)
            for reject in block.rejects
            if top <= reject.line < bottom
        )
        size = block.size_bytes * bottom // block.span - block.size_bytes * top // block.span
        batch = block.batch.slice(start, stop - start)
        yield Block(batch, bottom - top, lines[start:stop] - np.int32(top), rejects, size)
