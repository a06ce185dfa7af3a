"""Rows of the tasks that take texts apart or put them together."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from typing import Any

import pyarrow as pa

from raymill import arrow, json
from raymill.arrow import Array
from raymill.bench import lookalike
from raymill.bench.case import Case, Setup, Work, speed
from raymill.bench.readings import shuffled, stream_file, texts, write_stream
from raymill.bench.streams import plain
from raymill.bench.streams.operator import planned, through, timed
from raymill.bench.streams.tasks import lists

LINES = 200_000
FEW = 20_000  # records of a plain Python loop
DOCUMENTS = 4_000
SIZE = 16_384  # records of a batch of texts
UNITS = {e.name: (e.key, e.unit) for e in lookalike.CITY}


def cases() -> Iterator[Case]:
    """SenML to columns, columns to SenML, XML."""
    yield from _parse()
    yield from _assemble()
    yield from _xml()


def _parse() -> Iterator[Case]:
    for stream in lookalike.STREAMS:
        ending = "" if stream == "city" else f".{stream}"
        yield Case(
            f"streams.senml_parse{ending}",
            f"texts of {stream.upper()} to columns, layouts learned",
            lambda setup, stream=stream: timed(  # type: ignore[misc]
                column(texts(setup, stream), setup.count(LINES)), _parsed
            ),
            stream=stream,
            against="streams.senml_parse.python" if stream == "city" else "",
        )
    yield Case(
        "streams.senml_parse.unlearned",
        "texts of CITY to columns, the keys of each record in an order of its own",
        lambda setup: timed(column(shuffled(setup, "city"), setup.count(LINES)), _parsed),
    )
    yield Case(
        "streams.senml_parse.python",
        "a plain Python loop round the fast JSON library, to lists",
        lambda setup: _loop(
            texts(setup, "city"), partial(plain.senml_parse, loads=json.loads), setup
        ),
    )
    yield Case(
        "streams.senml_csv",
        "a SenML-CSV file of CITY to columns, by the source",
        partial(_read, name="senml-csv"),
        against="streams.senml_parse.python",
    )


def _parsed(stream: Any) -> Any:
    return stream.then("senml_parse", field="senml")


def column(found: Sequence[bytes], count: int) -> list[pa.RecordBatch]:
    """Texts as batches of one column, repeated to `count`."""
    made = []
    endless = cycle(found)
    for start in range(0, count, SIZE):
        rows = [text.decode() for text in islice(endless, min(SIZE, count - start))]
        made.append(pa.record_batch({"senml": arrow.array(rows, pa.string())}))
    return made


def _loop(found: Sequence[bytes], call: Callable[[list[bytes]], Any], setup: Setup) -> Work:
    rows = list(islice(cycle(found), setup.count(FEW)))

    def work() -> int:
        call(rows)
        return len(rows)

    return speed(work)


def _read(setup: Setup, name: str) -> Work:
    from raymill.connectors import open_source
    from raymill.flow.source import Read

    path = write_stream(setup, "city", setup.count(LINES))
    source = open_source(Read(str(path), name))
    source.schema()
    source = source.select(None)

    def work() -> int:
        blocks = (block for piece in source.pieces() for block in source.read(piece))
        return sum(block.batch.num_rows for block in blocks)

    return speed(work)


def _assemble() -> Iterator[Case]:
    yield Case(
        "streams.csv_to_senml",
        "columns of CITY to texts: numbers as numbers",
        lambda setup: timed(parsed(setup), _assembled(setup)),
        against="streams.csv_to_senml.python",
    )
    yield Case(
        "streams.csv_to_senml.text",
        "columns of CITY to texts: numbers as text",
        lambda setup: timed([as_texts(batch) for batch in parsed(setup)], _assembled(setup)),
        against="streams.csv_to_senml.python",
    )
    yield Case(
        "streams.csv_to_senml.csv",
        "a CSV file of CITY to texts: reading it, its numbers as numbers, then the task",
        _from_csv,
        against="streams.csv_to_senml.python",
    )
    yield Case(
        "streams.csv_to_senml.csv_text",
        "a CSV file of CITY to texts: reading it, all columns as text, then the task",
        partial(_from_csv, types=dict.fromkeys(["timestamp", *UNITS], "string")),
        against="streams.csv_to_senml.python",
    )
    yield Case(
        "streams.csv_to_senml.python",
        "a plain Python loop round the standard library's JSON",
        _assembled_plainly,
    )


def parsed(setup: Setup) -> list[pa.RecordBatch]:
    """Records of CITY as columns."""
    found = column(texts(setup, "city"), setup.count(LINES))
    return list(through(planned(found, _parsed), found))


def as_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same columns as text."""
    columns: list[Array] = [arrow.cast(column, pa.string()) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _assembled(setup: Setup) -> Callable[[Any], Any]:
    path = setup.folder / "city-schema.csv"
    names = ["timestamp", *UNITS]
    keys = ["v", *(key for key, _ in UNITS.values())]
    units = ["second", *(unit for _, unit in UNITS.values())]
    path.write_text("".join(f"{','.join(line)}\n" for line in (names, units, keys)))
    return lambda stream: stream.then("csv_to_senml", schema_file=str(path))


def _from_csv(setup: Setup, **options: Any) -> Work:
    from pyarrow import csv

    from raymill.connectors import open_source
    from raymill.flow.source import Read

    path = setup.folder / "city.csv"
    csv.write_csv(pa.Table.from_batches(parsed(setup)), path)
    source = open_source(Read(str(path), "csv", options))
    source.schema()
    source = source.select(None)
    first = next(block.batch for piece in source.pieces() for block in source.read(piece))
    made = planned([first], _assembled(setup))

    def work() -> int:
        blocks = (block.batch for piece in source.pieces() for block in source.read(piece))
        return sum(batch.num_rows for batch in through(made, blocks))

    return speed(work)


def _assembled_plainly(setup: Setup) -> Work:
    few = pa.Table.from_batches(parsed(setup)).slice(0, setup.count(FEW))
    columns = lists(few.to_batches())
    count = len(columns["timestamp"])

    def work() -> int:
        plain.csv_to_senml(columns, UNITS, "timestamp")
        return count

    return speed(work)


def _xml() -> Iterator[Case]:
    yield Case(
        "streams.xml_parse",
        "XML texts of 6.4 kB to a number",
        lambda setup: _documents(setup, timed),
        unit="documents/s",
        stream="xml",
        against="streams.xml_parse.python",
    )
    yield Case(
        "streams.xml_parse.python",
        "a plain Python loop round the standard library's parser",
        lambda setup: _documents(setup, _parsed_plainly),
        unit="documents/s",
        stream="xml",
    )


def document(setup: Setup) -> str:
    """The text that is parsed."""
    path = stream_file(setup.data, "xml")
    return lookalike.students() if path is None else path.read_text()


def _documents(setup: Setup, make: Callable[..., Work]) -> Work:
    found = arrow.array([document(setup)] * setup.count(DOCUMENTS), pa.string())
    batches = [pa.record_batch({"value": found})]
    work = make(batches, lambda stream: stream.then("xml_parse"))

    def run() -> Any:
        sample = work()
        return sample._replace(value=sample.value * 1e6)

    return run


def _parsed_plainly(batches: list[pa.RecordBatch], then: Any) -> Work:
    rows = lists(batches)["value"]

    def work() -> int:
        plain.xml_parse(rows)
        return len(rows)

    return speed(work)
