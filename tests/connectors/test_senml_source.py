"""SenML-CSV files as a source."""

import gzip
import pickle
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from raymill.connectors.senml.source import SenmlCsv
from raymill.errors import ConfigError, InputError
from raymill.flow.source import Block

LINE = '%d,{"e":[{"n":"id","sv":"s%d"},{"n":"t","v":"%d.5"}],"bt":%d}\n'


def write(folder: Path, text: str | bytes, name: str = "x.senml.csv") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def lines(count: int) -> str:
    return "".join(LINE % (1000 + n, n % 7, n, 1000 + n) for n in range(count))


def blocks(source: SenmlCsv) -> list[Block]:
    return [block for piece in source.pieces() for block in source.read(piece)]


def rows(source: SenmlCsv) -> list[dict[str, Any]]:
    return [row for block in blocks(source) for row in block.batch.to_pylist()]


def test_columns_are_the_time_the_elements_and_the_text_on_demand(tmp_path: Path) -> None:
    source = SenmlCsv((write(tmp_path, lines(3)),))
    assert source.schema().names == ["ts", "senml", "id", "t"]
    assert rows(source.select(None)) == [
        {"ts": 1000, "id": "s0", "t": 0.5},
        {"ts": 1001, "id": "s1", "t": 1.5},
        {"ts": 1002, "id": "s2", "t": 2.5},
    ]
    text = '{"e":[{"n":"id","sv":"s1"},{"n":"t","v":"1.5"}],"bt":1001}'
    assert rows(source.select(frozenset({"senml", "t"})))[1] == {"senml": text, "t": 1.5}
    assert source.select(frozenset({"t"})).schema() == pa.schema({"t": pa.float64()})


def test_a_selection_without_elements_does_not_look_at_the_text(tmp_path: Path) -> None:
    source = SenmlCsv((write(tmp_path, lines(1) + "5,{broken\n"),))
    assert [row["ts"] for row in rows(source.select(frozenset({"ts"})))] == [1000, 5]


def test_bad_lines_are_rejects_with_line_reason_and_text(tmp_path: Path) -> None:
    text = lines(1) + "\nno comma here\n12x,{}\n7,{}\n8,[]\r\n" + LINE % (9, 1, 1, 9)
    text += '10,{"e":[{"n":"t","v":"warm"}]}\n11,{"e":[{"n":"new","v":1}]}'
    (block,) = blocks(SenmlCsv((write(tmp_path, text),), fields="id:text,t").select(None))
    assert block.batch.column("ts").to_pylist() == [1000, 9]
    assert block.span == 9
    assert block.lines is not None
    assert block.lines.tolist() == [0, 6]
    assert [(each.line, each.reason) for each in block.rejects] == [
        (2, "no comma behind the time"),
        (3, "no time in epoch milliseconds"),
        (4, "no SenML record: no list `e` of objects"),
        (5, "no SenML record: no list `e` of objects"),
        (7, "`t` is not a number: `t`: 'warm'"),
        (8, "element of an unknown name: `new`"),
    ]
    assert block.rejects[3].text == "8,[]"


def test_invalid_utf8_is_a_reject_and_valid_text_beyond_ascii_is_read(tmp_path: Path) -> None:
    good = '1,{"e":[{"n":"ort","sv":"Zürich"}]}\n'.encode()
    (block,) = blocks(SenmlCsv((write(tmp_path, good + good.replace(b"\xbc", b"")),)).select(None))
    assert block.batch.to_pylist() == [{"ts": 1, "ort": "Zürich"}]
    assert block.rejects[0].line == 1
    assert "UTF-8" in block.rejects[0].reason


def test_bom_crlf_and_a_last_line_without_its_end_are_read(tmp_path: Path) -> None:
    text = "\ufeff" + lines(2).replace("\n", "\r\n").removesuffix("\r\n")
    assert [row["ts"] for row in rows(SenmlCsv((write(tmp_path, text),)))] == [1000, 1001]


def test_a_file_of_many_pieces_gives_each_line_once_in_order(tmp_path: Path) -> None:
    count = 90_000  # about 6 MB: several pieces of 4 MB
    source = SenmlCsv((write(tmp_path, lines(count)),)).select(None)
    pieces = list(source.pieces())
    assert len(pieces) > 1
    found = [row for piece in pieces for block in source.read(piece) for row in block.batch["ts"]]
    assert [row.as_py() for row in found] == list(range(1000, 1000 + count))
    assert [piece.number for piece in source.pieces(first=1)] == [p.number for p in pieces[1:]]


def test_compressed_files_are_read(tmp_path: Path) -> None:
    name = write(tmp_path, gzip.compress(lines(10).encode()), "x.senml.csv.gz")
    assert [row["t"] for row in rows(SenmlCsv((name,)))] == [n + 0.5 for n in range(10)]


def test_threads_and_a_pickled_copy_give_the_same(tmp_path: Path) -> None:
    source = SenmlCsv((write(tmp_path, lines(90_000)),)).select(None)
    expected = [block.batch for block in blocks(source)]
    pieces = list(source.pieces())
    copy = pickle.loads(pickle.dumps(source))
    found: dict[int, pa.RecordBatch] = {}

    def read(number: int) -> None:
        (block,) = copy.read(pieces[number])
        found[number] = block.batch

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(pieces))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(len(pieces))] == expected
    assert copy.identity() == source.identity()


def test_fields_can_be_given_and_unknown_elements_dropped(tmp_path: Path) -> None:
    name = write(tmp_path, lines(2))
    assert SenmlCsv((name,), fields="t:text", unknown="drop").schema().names == ["ts", "senml", "t"]
    dropping = SenmlCsv((name,), fields="t:text", unknown="drop").select(None)
    assert rows(dropping)[0] == {"ts": 1000, "t": "0.5"}
    strict = SenmlCsv((name,), fields=["t"]).select(None)
    assert [len(block.rejects) for block in blocks(strict)] == [2]
    with pytest.raises(ConfigError, match="maybe"):
        SenmlCsv((name,), unknown="maybe")  # type: ignore[arg-type]


def test_fields_are_learned_from_the_first_file_that_has_any(tmp_path: Path) -> None:
    names = (write(tmp_path, "", "a"), write(tmp_path, "\n", "b"), write(tmp_path, lines(1), "c"))
    assert SenmlCsv(names).schema().names == ["ts", "senml", "id", "t"]
    assert rows(SenmlCsv(names[:1])) == []


def test_an_element_called_as_a_column_of_the_format_is_refused(tmp_path: Path) -> None:
    name = write(tmp_path, '1,{"e":[{"n":"ts","v":1}]}\n')
    with pytest.raises(InputError, match="element `ts`"):
        SenmlCsv((name,)).schema()


@pytest.mark.parametrize(("name", "count"), [("SYS", 1000), ("TAXI", 1000), ("FIT", 45)])
def test_the_real_streams_are_read_whole(shared_data: Path, name: str, count: int) -> None:
    path = shared_data / f"riotbench/streams/{name}_sample_data_senml.csv"
    source = SenmlCsv((str(path),)).select(None)
    read = blocks(source)
    assert sum(block.batch.num_rows for block in read) == count
    assert not any(block.rejects for block in read)
    assert all(column.null_count == 0 for block in read for column in block.batch.columns)
