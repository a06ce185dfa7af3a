"""Rows of whole runs on the local engine: from file to file, alone and in parallel."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill.bench.case import Case, Setup, Work, speed
from raymill.bench.readings import GROUP, batches, write_stream
from raymill.bench.streams.operator import through
from raymill.connectors import open_sink, open_source
from raymill.connectors.nowhere import NowhereSink
from raymill.engines.graph import Keeper, open_tasks
from raymill.flow.pipeline import Pipeline, Stream, read
from raymill.flow.plan import plan
from raymill.flow.sink import Write
from raymill.flow.source import Read

LINES = 1_000_000
TABLE = 5_000_000
STAGED = 8  # pieces that go through each stage together
TO_JSONL = "a SenML-CSV file of CITY parsed, kalman_filter by `source`, to a JSONL file"
TO_PARQUET = "a Parquet file of three columns, kalman_filter by `source`, to a Parquet file"
TO_NOTHING = "a SenML-CSV file of CITY parsed, kalman_filter by `source`, to nothing"


def cases() -> Iterator[Case]:
    """Runs, and what they are compared with."""
    yield Case("streams.parquet_to_parquet", f"{TO_PARQUET}; one worker", _parquet)
    yield Case(
        "streams.parquet_to_parquet.two",
        f"{TO_PARQUET}; two workers",
        partial(_parquet, workers=2),
        against="streams.parquet_to_parquet",
    )
    yield Case(
        "streams.senml_to_jsonl.stages",
        "what the sum of the own times of reading, filter, encoding and writing would allow",
        _stages,
    )
    yield Case(
        "streams.senml_to_jsonl",
        f"{TO_JSONL}; one worker",
        _jsonl,
        against="streams.senml_to_jsonl.stages",
    )
    yield Case(
        "streams.senml_to_jsonl.two",
        f"{TO_JSONL}; two workers",
        partial(_jsonl, workers=2),
        against="streams.senml_to_jsonl",
    )
    yield Case("streams.senml_to_kalman", f"{TO_NOTHING}; one worker", _nothing)
    yield Case(
        "streams.senml_to_kalman.two",
        f"{TO_NOTHING}; two workers",
        partial(_nothing, workers=2),
        against="streams.senml_to_kalman",
    )


def ran(pipeline: Pipeline, workers: int = 1) -> Work:
    """The speed of a run, from its call to its end."""
    from raymill.app.streams import run

    return speed(lambda: run(pipeline, workers=workers, on_error="stop").records_in)


def filtered(path: Path) -> Stream:
    """The filter over a file of readings."""
    return read(str(path)).then("kalman_filter", field="temperature", key="source")


def _parquet(setup: Setup, workers: int = 1) -> Work:
    path = write_table(setup, setup.count(TABLE))
    return ran(filtered(path).write(str(setup.folder / f"out-{workers}.parquet")), workers)


def write_table(setup: Setup, count: int) -> Path:
    """A Parquet file of readings: `source` as a dictionary, time, temperature."""
    import pyarrow.parquet as pq

    options: Any = {"use_dictionary": ["source"]}
    path = setup.folder / f"city-{count}.parquet"
    if not path.exists():
        found = batches(setup, "temperature", count=count)
        with pq.ParquetWriter(path, found[0].schema, **options) as writer:
            for at in range(0, len(found), 2):
                writer.write_table(pa.Table.from_batches(found[at : at + 2]), row_group_size=GROUP)
    return path


def _jsonl(setup: Setup, workers: int = 1) -> Work:
    path = write_stream(setup, "city", setup.count(LINES))
    return ran(filtered(path).write(str(setup.folder / f"out-{workers}.jsonl")), workers)


def _nothing(setup: Setup, workers: int = 1) -> Work:
    path = write_stream(setup, "city", setup.count(LINES))
    return ran(filtered(path).write(NowhereSink()), workers)


def _stages(setup: Setup) -> Work:
    """Some blocks through the first stage, then all of them through the next, and so on."""
    path = write_stream(setup, "city", setup.count(LINES))
    source = open_source(Read(str(path)))
    made = plan(filtered(path).write([]), source)
    open_tasks(made)
    source = source.select(made.wanted)

    def work() -> int:
        sink: Any = open_sink(Write(str(setup.folder / "stages.jsonl")))
        sink.open(made.nodes[-1].schema)
        records = 0
        pieces = source.pieces()
        keeper = Keeper(made)
        while some := list(islice(pieces, STAGED)):
            blocks = [block.batch for piece in some for block in source.read(piece)]
            outputs = list(through(made, blocks, keeper))
            for encoded in [sink.encode(output) for output in outputs]:
                sink.write(encoded)
            records += sum(block.num_rows for block in blocks)
        sink.close()
        return records

    return speed(work)
