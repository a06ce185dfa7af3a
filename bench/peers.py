"""The same work done by raymill and by other libraries, each on one thread.

python bench/peers.py [RECORDS] compares reading SenML, a keyed mean over windows of ten, and JSON
lines. A library that is not installed is left out. Answers are compared before anything is timed.
"""

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from raymill import json
from raymill.bench.case import Setup
from raymill.bench.readings import batches, texts
from raymill.bench.streams.operator import planned, through
from raymill.bench.streams.parsers import column
from raymill.connectors import open_sink
from raymill.flow.sink import Write

RUNS = 5
Contest = dict[str, Callable[[], Any]]


def has(library: str) -> bool:
    """Whether a library is installed."""
    return importlib.util.find_spec(library) is not None


def parsing(setup: Setup, count: int) -> Contest:
    """SenML texts of CITY to the column `temperature`; gives its sum."""
    found = column(texts(setup, "city"), count)
    made = planned(found, lambda s: s.then("senml_parse", field="senml"))
    whole = pa.concat_arrays([batch.column(0) for batch in found])

    def raymill() -> float:
        return sum(b.column("temperature").to_numpy().sum() for b in through(made, found))

    def orjson() -> float:
        records = (json.loads(text) for text in whole.to_pylist())
        return sum(
            float(e["v"]) for record in records for e in record["e"] if e["n"] == "temperature"
        )

    def arrow() -> float:
        import pyarrow.compute as pc
        from pyarrow.json import ReadOptions, read_json

        data = pa.py_buffer("\n".join(whole.to_pylist()).encode())
        options = ReadOptions(use_threads=False, block_size=8 << 20)
        elements = read_json(pa.BufferReader(data), read_options=options)["e"].combine_chunks()
        flat = elements.flatten()
        kept = flat.filter(pc.equal(pc.struct_field(flat, "n"), "temperature"))
        return float(pc.sum(pc.struct_field(kept, "v").cast(pa.float64())).as_py())

    def polars() -> float:
        import polars as pl

        shape = pl.Struct({"e": pl.List(pl.Struct({"n": pl.String, "v": pl.String}))})
        elements = pl.Series(whole).str.json_decode(shape).struct.field("e").explode()
        frame = elements.struct.unnest()
        return float(frame.filter(pl.col("n") == "temperature")["v"].cast(pl.Float64).sum())

    contest: Contest = {"raymill": raymill, "orjson": orjson, "pyarrow": arrow}
    return {**contest, "polars": polars} if has("polars") else contest


def windows(setup: Setup, count: int) -> Contest:
    """The mean of every ten temperatures of a source; gives the number of means."""
    found = batches(setup, "temperature", count=count)
    made = planned(
        found, lambda s: s.then("block_window_average", field="temperature", key="source")
    )
    plain = [b.set_column(0, "source", b.column(0).dictionary_decode()) for b in found]
    table = pa.Table.from_batches(plain)

    def raymill() -> int:
        return sum(batch.num_rows for batch in through(made, found))

    def duckdb() -> int:
        import duckdb

        query = """
            select count(*) from (
              select source, (n - 1) // 10 as block, avg(temperature) from (
                select source, temperature,
                  row_number() over (partition by source order by timestamp) as n from readings
              ) group by all having count(*) = 10
            )"""
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.register("readings", table)
            return int(connection.sql(query).fetchall()[0][0])

    def polars() -> int:
        import polars as pl

        block = (pl.int_range(pl.len()).over("source") // 10).alias("block")
        means = pl.DataFrame(table).with_columns(block).group_by("source", "block")
        found = means.agg(pl.len(), pl.col("temperature").mean())
        return found.filter(pl.col("len") == 10).height

    contest: Contest = {"raymill": raymill, "duckdb": duckdb}
    return {**contest, "polars": polars} if has("polars") else contest


def lines(setup: Setup, count: int) -> Contest:
    """Columns of CITY to a file of JSON lines; gives its number of lines."""
    found = column(texts(setup, "city"), count)
    made = planned(found, lambda s: s.then("senml_parse", field="senml"))
    rows = list(through(made, found))
    table = pa.Table.from_batches(rows)
    path = setup.folder / "lines.jsonl"

    def counted() -> int:
        return path.read_bytes().count(b"\n")

    def raymill() -> int:
        sink = open_sink(Write(str(path)))
        sink.open(table.schema)
        for batch in rows:
            sink.write(sink.encode(batch))
        sink.close()
        return counted()

    def orjson() -> int:
        with path.open("wb") as file:
            file.writelines(json.dumps(row) + b"\n" for row in table.to_pylist())
        return counted()

    def polars() -> int:
        import polars as pl

        pl.DataFrame(table).write_ndjson(path)
        return counted()

    contest: Contest = {"raymill": raymill, "orjson": orjson}
    return {**contest, "polars": polars} if has("polars") else contest


def figures(contest: Contest, count: int) -> Iterator[tuple[str, float, float, float]]:
    """Each library's median, least and most million records a second."""
    answers = {name: call() for name, call in contest.items()}
    first = answers["raymill"]
    wrong = {name: a for name, a in answers.items() if abs(a - first) > 1e-6 * abs(first)}
    if wrong:
        raise SystemExit(f"answers differ: raymill {first}, {wrong}")
    for name, call in contest.items():
        speeds = []
        for _ in range(RUNS):
            begun = time.perf_counter()
            call()
            speeds.append(count / (time.perf_counter() - begun) / 1e6)
        yield name, statistics.median(speeds), min(speeds), max(speeds)


def main(count: int) -> None:
    """Print a table for each piece of work."""
    pa.set_cpu_count(1)
    for make in (parsing, windows, lines):
        with TemporaryDirectory() as folder:
            contest = make(Setup(folder=Path(folder)), count)
            print(f"{make.__doc__.partition(';')[0]}; million records/s of {count:,}")
            for name, median, least, most in figures(contest, count):
                print(f"  {name:10}{median:10.3f}  [{least:.3f} to {most:.3f}]")


if __name__ == "__main__":
    import os

    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
