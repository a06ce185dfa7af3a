"""Large values: files by hash, references that are checked."""

from pathlib import Path

import pytest

from raymill import json
from raymill.errors import StoreError
from raymill.state.artifacts import Artifacts

LARGE = json.dumps("x" * 70_000)


def test_a_small_value_stands_for_itself(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path / "files")
    assert artifacts.put(b"[1,2]") == b"[1,2]"
    assert artifacts.load(b"[1,2]") == [1, 2]
    assert not artifacts.folder.exists()


def test_a_large_value_is_kept_once_under_its_hash(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    reference = artifacts.put(LARGE)
    assert reference == artifacts.put(LARGE)
    assert len(reference) < 300
    assert artifacts.load(reference) == "x" * 70_000
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    # sha256 of a JSON string of 70,000 x: printf '"%s"' ... | sha256sum
    assert reference[1:].startswith(b'{"uri":"' + file.parent.name.encode())


def test_a_value_that_was_changed_on_the_disk_is_refused(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    reference = artifacts.put(LARGE)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(LARGE[:-9])
    with pytest.raises(StoreError, match="damaged"):
        artifacts.get(reference)
    file.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        artifacts.get(reference)
