"""Input that can be read only once: what planning looked at is not lost to the run."""

from collections.abc import Iterator

import raymill
from raymill.connectors import open_source
from raymill.engines.peek import Peekable
from raymill.flow.pipeline import read
from raymill.flow.source import Read


def numbers() -> Iterator[dict[str, int]]:
    yield from ({"a": number, "b": -number} for number in range(10_000))


def test_a_generator_reaches_a_task_that_must_see_records_first() -> None:
    def total(record: dict) -> dict:  # type: ignore[type-arg]
        return {"total": record["a"] + record["b"]}

    out: list[dict[str, int]] = []
    raymill.run(read(numbers()).then(total).select("a", "total").write(out))
    assert [row["a"] for row in out] == list(range(10_000))
    assert {row["total"] for row in out} == {0}


def test_pieces_that_were_looked_at_come_again_and_then_the_others() -> None:
    source = Peekable(open_source(Read(numbers(), options={"rows": 4000})))
    looked = source.select(frozenset({"a"}))
    first = next(iter(looked.pieces()))
    assert next(iter(source.pieces())) is first
    source.begin()
    narrow = source.select(frozenset({"b"}))
    blocks = [block for piece in narrow.pieces() for block in narrow.read(piece)]
    assert [block.batch.num_rows for block in blocks] == [4000, 4000, 2000]
    assert {name for block in blocks for name in block.batch.schema.names} == {"b"}
