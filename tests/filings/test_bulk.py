"""Bulk files: member by member, whatever is wrong with one of them."""

import io
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from filings.bodies import SEC, real
from raymill.errors import DataError, InputError
from raymill.filings.bulk import answers, members
from raymill.filings.extract import extract
from raymill.filings.zipped import ZipMembers

FACTS = b'{"cik": 1, "entityName": "One", "facts": {}}'
NAMES = [f"CIK{number:010d}.json" for number in range(1, 6)]


def bulk(path: Path, files: Mapping[str, bytes], **how: object) -> Path:
    """A zip file, as Python's own library writes it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **how) as target:  # type: ignore[call-overload]
        for name, data in files.items():
            target.writestr(name, data)
    return path


@pytest.fixture
def five(tmp_path: Path) -> Path:
    files = {name: FACTS.replace(b"1", str(n).encode()) for n, name in enumerate(NAMES)}
    return bulk(tmp_path / "companyfacts.zip", files | {"README.txt": b"hello", "folder/": b""})


def test_answers_come_one_by_one_and_other_files_are_left_out(five: Path) -> None:
    found = list(members(five))
    assert [(one.name, one.cik, one.problem) for one in found] == [
        (name, number, "") for number, name in enumerate(NAMES, 1)
    ]
    assert found[3].document is not None
    assert found[3].document.data == b'{"cik": 3, "entityName": "One", "facts": {}}'


def test_a_run_goes_on_with_what_is_not_done(five: Path) -> None:
    assert [one.name for one in members(five, {NAMES[0], NAMES[2]})] == [
        NAMES[1],
        NAMES[3],
        NAMES[4],
    ]


def test_workers_share_the_members_out_and_read_each_for_themselves(five: Path) -> None:
    with ZipMembers(five) as zipped:
        entries = list(answers(zipped))
        assert len(zipped) == 7
        assert [zipped.read(entry)[:9] for entry in reversed(entries)] == [
            b'{"cik": %d' % number for number in (4, 3, 2, 1, 0)
        ]


def spoil(path: Path, name: str, change: bytes, at: int = 45) -> None:
    """Overwrite some bytes of a member's data."""
    data = bytearray(path.read_bytes())
    place = data.index(name.encode()) + len(name) + at - 45 + 2
    data[place : place + len(change)] = change
    path.write_bytes(data)


def test_a_damaged_member_is_named_and_the_others_are_read(five: Path) -> None:
    spoil(five, NAMES[2], b"\xff\xff\xff\xff")
    found = list(members(five))
    assert [one.document is not None for one in found] == [True, True, False, True, True]
    assert f"Member `{NAMES[2]}`" in found[2].problem
    assert "is damaged" in found[2].problem


def test_a_member_whose_checksum_is_another_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        target.writestr(NAMES[0], FACTS)
    path.write_bytes(path.read_bytes().replace(b'"One"', b'"Two"', 1))
    (found,) = members(path)
    assert found.problem.endswith("its checksum does not match")


def test_a_member_that_is_too_large_is_named_and_not_unpacked(tmp_path: Path) -> None:
    path = bulk(tmp_path / "a.zip", {NAMES[0]: bytes(3 << 20), NAMES[1]: FACTS})
    assert path.stat().st_size < 10_000
    found = list(members(path, most_bytes=1 << 20))
    assert found[0].problem.endswith("it has more than 1 MB")
    assert found[1].document is not None


def test_a_member_that_claims_to_be_small_is_not_unpacked_beyond_that(tmp_path: Path) -> None:
    path = bulk(tmp_path / "a.zip", {NAMES[0]: bytes(3 << 20)})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<L", 3 << 20), struct.pack("<L", 100)))
    (found,) = members(path)
    assert found.problem.endswith("its checksum does not match")


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    path = bulk(tmp_path / "a.zip", {NAMES[0]: os.urandom(5000)})
    data = path.read_bytes()
    place = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    entry = data[place:end]
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 9, 9, 9 * len(entry), place, 0)
    path.write_bytes(data[:place] + 9 * entry + tail)
    with pytest.raises(DataError, match="overlap"):
        list(members(path))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "its end is missing"),
        (b"<!DOCTYPE html><html>blocked</html>", "its end is missing"),
        (b"PK\5\6" + bytes(10), "its end is missing"),
        (struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 46, 9, 0), "is not where it says"),
        (bytes(60) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 46, 9, 0), "breaks off"),
        (struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 3, 3, 0, 0, 0), "more or fewer members"),
    ],
)
def test_what_is_no_zip_is_told(tmp_path: Path, body: bytes, why: str) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(body)
    with pytest.raises(DataError, match=why):
        list(members(path))


def test_a_zip_that_breaks_off_is_told(five: Path) -> None:
    whole = five.read_bytes()
    five.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="its end is missing") as caught:
        list(members(five))
    assert caught.value.hint == "fetch it again"


def test_a_file_that_is_absent_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        list(members(tmp_path / "absent.zip"))


def test_a_zip_with_something_before_it_is_read(five: Path) -> None:
    five.write_bytes(b"#!/bin/sh\n" + five.read_bytes())
    assert len(list(members(five))) == 5


@pytest.mark.system
def test_a_list_of_more_than_65535_members_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    files = {f"CIK{number:010d}.json": b"{}" for number in range(66_000)}
    bulk(path, files, compresslevel=1)
    assert b"PK\6\6" in path.read_bytes()[-200:]  # the list of zip64
    with ZipMembers(path) as zipped:
        assert len(zipped) == 66_000
        names = [entry.name for entry in zipped.entries()]
    assert (len(names), names[0], names[-1]) == (66_000, "CIK0000000000.json", "CIK0000065999.json")


def test_sizes_of_zip64_are_read(tmp_path: Path) -> None:
    """Of a stream whose length was not known, sizes stand in the wide field."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        with target.open(NAMES[0], "w", force_zip64=True) as member:
            member.write(FACTS)
        entry = target.filelist[0]
        assert entry.file_size == len(FACTS)
    data = path.read_bytes()
    place = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    wide = struct.pack("<2H2Q", 1, 16, entry.file_size, entry.compress_size)
    fixed = bytearray(data[place:end])
    fixed[20:28] = b"\xff" * 8
    fixed[30:32] = struct.pack("<H", len(wide))
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(fixed) + len(wide), place, 0)
    path.write_bytes(data[:place] + bytes(fixed) + wide + tail)
    (found,) = members(path)
    assert found.document is not None
    assert found.document.data == FACTS


@real
def test_real_answers_out_of_a_bulk_file_give_their_facts(tmp_path: Path) -> None:
    folder = SEC / "companyfacts"
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    path = bulk(tmp_path / "companyfacts.zip", files)
    rows = {one.cik: extract(one.document).facts.num_rows for one in members(path) if one.document}
    assert rows[320193] == 6522


def test_python_s_own_library_reads_the_same(five: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(five.read_bytes())) as other, ZipMembers(five) as ours:
        assert [info.filename for info in other.infolist() if not info.is_dir()] == [
            entry.name for entry in ours.entries()
        ]
