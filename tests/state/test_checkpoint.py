"""A checkpoint is one file that is there as a whole, or not."""

from pathlib import Path

import pyarrow as pa
import pytest

from raymill import faults
from raymill.errors import CheckpointError
from raymill.state.checkpoint import Checkpoint, load, remove, save

TABLE = pa.table({"key": ["a", None, "ü"], "n": [1, 2, 3], "x": [1.5, float("inf"), None]})
KEPT = Checkpoint({"piece": 7, "marks": {"0": {"bytes": 9}}}, {"keys": TABLE, "none": TABLE[:0]})


def crash() -> None:
    raise KeyboardInterrupt


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    size = save(tmp_path / "a" / "b", KEPT)
    found = load(tmp_path / "a" / "b")
    assert found is not None
    assert found.values == KEPT.values
    assert {name: table.equals(KEPT.tables[name]) for name, table in found.tables.items()} == {
        "keys": True,
        "none": True,
    }
    assert [path.stat().st_size for path in (tmp_path / "a" / "b").iterdir()] == [size]


def test_a_batch_is_a_table_of_one(tmp_path: Path) -> None:
    batch = pa.record_batch({"n": [1, 2]})
    save(tmp_path, Checkpoint({}, {"t": batch}))
    found = load(tmp_path)
    assert found is not None
    assert found.tables["t"].to_pydict() == {"n": [1, 2]}


def test_the_newest_replaces_the_one_before(tmp_path: Path) -> None:
    save(tmp_path, KEPT)
    save(tmp_path, Checkpoint({"piece": 8}))
    found = load(tmp_path)
    assert found is not None
    assert (found.values, dict(found.tables)) == ({"piece": 8}, {})


def test_a_crash_before_it_is_whole_leaves_the_one_before(tmp_path: Path) -> None:
    save(tmp_path, KEPT)
    faults.arm("checkpoint.before-rename", crash)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, Checkpoint({"piece": 8}))
    found = load(tmp_path)
    assert found is not None
    assert found.values["piece"] == 7
    faults.disarm()
    save(tmp_path, Checkpoint({"piece": 9}))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_none_is_no_error(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    assert load(tmp_path / "nowhere") is None
    remove(tmp_path)
    save(tmp_path, KEPT)
    remove(tmp_path)
    assert load(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", [0, 10, 25, 60, -1, -40])
def test_a_damaged_byte_is_found(tmp_path: Path, at: int) -> None:
    save(tmp_path, KEPT)
    path = tmp_path / "checkpoint"
    data = bytearray(path.read_bytes())
    data[at] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=f"Checkpoint `{path}` is damaged") as damaged:
        load(tmp_path)
    assert "--resume" in str(damaged.value.hint)


@pytest.mark.parametrize("keep", [0, 5, 22, 30, 100, -1])
def test_a_file_that_is_cut_off_is_found(tmp_path: Path, keep: int) -> None:
    save(tmp_path, KEPT)
    path = tmp_path / "checkpoint"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="is damaged"):
        load(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(CheckpointError, match=f"Checkpoint in `{tmp_path}` cannot be written"):
        save(tmp_path, KEPT)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load(tmp_path)
