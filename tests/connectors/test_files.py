"""Finding and opening input files."""

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.sourcing import put
from raymill.connectors.files import chunks, expand, plain_files
from raymill.errors import InputError


def test_a_glob_is_sorted_and_the_order_of_paths_is_kept(tmp_path: Path) -> None:
    for name in ("b2.txt", "b10.txt", "a.txt"):
        put(tmp_path, name, "x\n")
    found = expand([str(tmp_path / "b*.txt"), str(tmp_path / "a.txt")])
    assert [Path(file.name).name for file in found] == ["b10.txt", "b2.txt", "a.txt"]


def test_a_name_with_brackets_is_a_file_when_it_exists(tmp_path: Path) -> None:
    assert expand([put(tmp_path, "a[1].txt", "x")])[0].size == 1


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    put(tmp_path, "city.csv", "x")
    with pytest.raises(InputError, match=r"`.*/cty.csv` does not exist") as caught:
        expand([str(tmp_path / "cty.csv")])
    assert caught.value.hint == "did you mean `city.csv`?"
    assert caught.value.exit_code == 2


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        expand([str(tmp_path / "nowhere" / "x.csv")])
    assert caught.value.hint == f"folder `{tmp_path}/nowhere` does not exist"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"):
        expand([str(tmp_path)])


def test_a_glob_without_match_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No file matches `.*\*.csv`"):
        expand([str(tmp_path / "*.csv")])


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, "a.txt", "x")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match=r"a.txt` cannot be read: Permission denied"):
        expand([path])


def test_compression_is_told_by_ending_or_first_bytes(tmp_path: Path) -> None:
    packed = gzip.compress(b"x\n")
    names = [put(tmp_path, "a.gz", packed), put(tmp_path, "b.txt", packed)]
    names += [put(tmp_path, "c.zst", b""), put(tmp_path, "d.txt", b"x")]
    assert [file.codec for file in expand(names)] == ["gzip", "gzip", "zstd", None]


def test_formats_that_jump_refuse_compressed_files(tmp_path: Path) -> None:
    files = expand([put(tmp_path, "a.parquet.gz", gzip.compress(b"x"))])
    with pytest.raises(InputError, match="is gzip data; Parquet is compressed inside"):
        plain_files(files, "Parquet")


def test_a_pipe_is_read_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is a pipe"):
        expand([str(tmp_path / "pipe"), put(tmp_path, "a.txt", "x")])


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_members_and_frames_are_read_as_one(tmp_path: Path, codec: str) -> None:
    parts = [b"a" * 100_000, b"", b"b" * 10]
    packed = b"".join(pa.compress(part, codec=codec, asbytes=True) for part in parts if part)
    file = expand([put(tmp_path, "x.bin", packed)])[0]
    assert b"".join(chunk for chunk, _ in chunks(file)) == b"".join(parts)


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_truncated_file_gives_everything_before_the_break(tmp_path: Path, codec: str) -> None:
    # Half of the second part is there, and the first whole.
    first, second = os.urandom(50_000), os.urandom(300_000)
    packed = [pa.compress(part, codec=codec, asbytes=True) for part in (first, second)]
    file = expand([put(tmp_path, "x.bin", packed[0] + packed[1][: len(packed[1]) // 2])])[0]
    parts: list[tuple[bytes, int]] = []
    with pytest.raises(OSError, match="Truncated"):
        parts.extend(chunks(file))
    got = b"".join(chunk for chunk, _ in parts)
    assert (first + second).startswith(got)
    assert len(got) > len(first)
