import base64
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raymill.errors import ConfigError, InputError
from raymill.json import dumps
from raymill.tasks import bloom
from raymill.tasks.bloom_filter_check import BloomFilterCheck
from raymill.tasks.bloom_filter_train import BloomFilterTrain
from tasks.recut import run


def trained(values: list[object], **given: object) -> dict[str, object]:
    records = [{"source": value} for value in values]
    [record] = run(BloomFilterTrain, records, value="source", **given).records
    return {name: cell for name, cell in record.items() if name in bloom_fields}


bloom_fields = ("members", "expected_insertions", "false_positive_ratio", "model")


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "ids.bloom.jsonl"
    path.write_bytes(dumps(trained(["s1", "s2", "s3"], expected_insertions=1000)) + b"\n")
    return str(path)


def marks(values: list[object], **given: object) -> list[object]:
    found = run(BloomFilterCheck, [{"source": value} for value in values], **given).records
    return [record["might_contain"] for record in found]


def test_training_answers_one_record_and_holds_the_rest() -> None:
    found = run(
        BloomFilterTrain, [{"value": i % 3} for i in range(7)], [2, 5], expected_insertions=9
    )
    assert (found.counts.held, found.unfinished, len(found.records)) == (7, 0, 1)
    assert found.records[0]["members"] == 3
    assert found.records[0]["expected_insertions"] == 9
    assert found.records[0]["false_positive_ratio"] == 0.01


def test_only_the_given_values_are_learnt() -> None:  # the original also inserts random numbers
    words, probes = bloom.unpack(str(trained(["s1"], expected_insertions=1000)["model"]))
    assert 0 < sum(int(word).bit_count() for word in words) <= probes


def test_one_value_to_a_block_is_worked_out_by_hand() -> None:
    # One bit a value, Poisson(1) values in a block: a foreign bit is set unless every value missed
    # it, 1 - e^(-1/512) = 0.0019512
    assert bloom.false_positives(1.0, 1) == pytest.approx(0.0019512, rel=1e-4)


@pytest.mark.parametrize("expected", [1, 1000, 20_000_000])
def test_the_size_is_the_least_for_the_ratio(expected: int) -> None:
    found = bloom.shape(expected, 0.01)
    assert bloom.false_positives(expected / found.blocks, found.probes) <= 0.01
    # a filter without blocks needs 9.585 bits a value; blocks cost a few in a hundred more
    assert 9.585 * expected <= found.blocks * 512 <= 10.3 * expected + 512
    assert found.probes == 7


@pytest.mark.parametrize("ratio", [0.1, 0.01, 0.001])
def test_no_member_is_missed_and_few_strangers_pass(ratio: float) -> None:
    members = [f"member {i}" for i in range(20_000)]
    record = trained(members, expected_insertions=20_000, false_positive_ratio=ratio)
    words, probes = bloom.unpack(str(record["model"]))
    from raymill.engines.hashing import hash_texts

    found = np.empty(200_000, np.bool_)
    strangers = hash_texts(pa.array([f"stranger {i}" for i in range(200_000)]))
    bloom.contains(strangers, words, probes, found)
    assert found.mean() <= 1.5 * ratio
    bloom.contains(hash_texts(pa.array(members)), words, probes, found[:20_000])
    assert found[:20_000].all()


def test_members_are_marked(model: str) -> None:
    assert marks(["s1", "x", "s3"], model=model, value="source") == [True, False, True]


def test_numbers_are_known_by_their_text(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(dumps(trained(["1", "2"], expected_insertions=100)))
    assert marks([1, 3], model=str(path), value="source") == [True, False]


def test_strangers_are_dropped_on_request(model: str) -> None:
    records = [{"value": "s1"}, {"value": "x"}]
    found = run(BloomFilterCheck, records, model=model, drop=True)
    assert found.records == [{"value": "s1"}]
    assert found.counts.skipped == {"not in the filter": 1}


def test_of_several_filters_the_first_field_that_is_there_decides(model: str) -> None:
    models = {"meter": model, "source": model, "taxi": model}
    records = [{"source": "x", "taxi": "s1"}, {"source": "s1", "taxi": "x"}]
    found = run(BloomFilterCheck, records, models=models).records
    assert [record["might_contain"] for record in found] == [False, True]


def test_without_any_of_the_fields_a_record_passes(model: str) -> None:
    assert marks(["x"], models={"meter": model}) == [True]


def test_lists_of_fields_and_files_say_the_same(model: str) -> None:
    # as in the original's property files
    assert marks(["s1", "x"], models=f"{model}", fields="source") == [True, False]


def test_a_filter_is_read_from_any_format(tmp_path: Path, model: str) -> None:
    table = pa.Table.from_pylist([trained(["s1"], expected_insertions=100)])
    pq.write_table(table, tmp_path / "m.parquet")
    with (
        pa.OSFile(str(tmp_path / "m.arrow"), "wb") as file,
        pa.ipc.new_file(file, table.schema) as out,
    ):
        out.write_table(table)
    with pa.CompressedOutputStream(str(tmp_path / "m.jsonl.gz"), "gzip") as out:
        out.write(dumps(table.to_pylist()[0]))
    for name in ("m.parquet", "m.arrow", "m.jsonl.gz"):
        assert marks(["s1", "x"], model=str(tmp_path / name), value="source") == [True, False]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b'{"value": 1}',
        b'{"model": "AAAA"}',
        b'{"model": "%%"}',
        b'{"model": "x"}\n{"model": "y"}',
        dumps({"model": base64.b64encode(bloom.MAGIC + bytes(16 + 7)).decode()}),
    ],
)
def test_a_file_that_is_no_filter_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"wrong\.jsonl"):
        BloomFilterCheck(model=str(path)).open()


@pytest.mark.parametrize(
    "wrong",
    [{}, {"models": "a,b", "fields": "x"}, {"fields": "x", "model": "m"}],
)
def test_filters_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        BloomFilterCheck.declared.lift(**wrong).spec()


@pytest.mark.parametrize(
    "wrong",
    [
        {"expected_insertions": 0},
        {"false_positive_ratio": 0},
        {"false_positive_ratio": 1},
        {"expected_insertions": 10**10},
    ],
)
def test_sizes_have_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        BloomFilterTrain.declared.lift(**wrong).spec()


def test_the_defaults_are_those_of_riotbench() -> None:
    task = BloomFilterTrain()
    assert (task.expected_insertions, task.false_positive_ratio) == (20_000_000, 0.01)
