"""The archive of what was fetched: whole or not there, whatever happens."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from raymill import faults
from raymill.errors import DataError, InputError, StoreError
from raymill.filings.archive import Archive, Stored, answer, filed

ACCESSION = "0000012345-25-000007"
PLACE = filed(12345, ACCESSION, "tiny.htm")
NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)
URL = "https://www.sec.gov/tiny.htm"


def put(archive: Archive, body: bytes = b"body") -> Stored:
    return archive.put(PLACE, body, url=URL, fetched=NOW, etag='"1"')


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_body_lies_under_its_company_and_filing(tmp_path: Path) -> None:
    stored = put(Archive(tmp_path))
    assert files(tmp_path) == [
        f"0000012345/{ACCESSION}/.about/tiny.htm.json",
        f"0000012345/{ACCESSION}/tiny.htm",
    ]
    # printf body | sha256sum
    assert stored.sha256 == "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
    assert Archive(tmp_path).find(PLACE) == stored
    assert stored.read() == b"body"
    assert (stored.document().file, stored.fetched, stored.url) == ("tiny.htm", NOW, URL)


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "absent")
    assert archive.find(PLACE) is None
    assert not archive.holds(PLACE)
    assert archive.accessions(12345) == set()
    assert archive.sweep(NOW) == 0
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path, about: path.write_bytes(b"BODY"), id="other bytes"),
        pytest.param(lambda path, about: path.write_bytes(b"bod"), id="too short"),
        pytest.param(lambda path, about: path.unlink(), id="body lost"),
        pytest.param(lambda path, about: about.unlink(), id="origin lost"),
        pytest.param(lambda path, about: about.write_bytes(b"{"), id="origin torn"),
        pytest.param(lambda path, about: about.write_bytes(b"[]"), id="origin of another shape"),
    ],
)
def test_a_damaged_body_counts_as_absent(
    tmp_path: Path, spoil: Callable[[Path, Path], object]
) -> None:
    archive = Archive(tmp_path)
    stored = put(archive)
    spoil(stored.path, stored.path.parent / ".about" / "tiny.htm.json")
    assert archive.find(PLACE) is None
    assert put(archive) == archive.find(PLACE)


def test_a_body_that_changed_is_never_read(tmp_path: Path) -> None:
    stored = put(Archive(tmp_path))
    stored.path.write_bytes(b"BODY")
    with pytest.raises(StoreError, match="its hash does not match"):
        stored.read()
    stored.path.unlink()
    with pytest.raises(StoreError, match="No such file"):
        stored.read()


def test_a_resumed_run_finds_what_is_missing_by_difference(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    put(archive)
    wanted = {ACCESSION, "0000012345-24-000001"}
    assert wanted - archive.accessions(12345) == {"0000012345-24-000001"}


def test_a_body_that_is_not_whole_is_not_kept(tmp_path: Path) -> None:
    with Archive(tmp_path).writing(PLACE) as arriving:
        arriving.partial.write_bytes(b"bo")
        with pytest.raises(DataError, match="not whole"):
            arriving.keep(sha256="", size=4, url=URL, fetched=NOW)
    assert files(tmp_path) == []


def test_a_body_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    with Archive(tmp_path).writing(PLACE) as arriving:
        arriving.partial.write_bytes(b"body")
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written: Not a directory") as caught:
        put(Archive(tmp_path / "file"))
    assert "RAYMILL_FILINGS_ARCHIVE" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["..", "a/b/c", "../a", ".about", "a\0b", "", "a\nb", "a" * 201])
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        filed(1, ACCESSION, name)
    with pytest.raises(InputError):
        answer(name)


def test_a_document_may_lie_one_folder_down(tmp_path: Path) -> None:
    place = filed(12345, ACCESSION, "xslF345X05/form4.xml")
    stored = Archive(tmp_path).put(place, b"x", url=URL, fetched=NOW)
    assert stored.path == tmp_path / "0000012345" / ACCESSION / "xslF345X05" / "form4.xml"


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("point", ["archive.before-rename", "archive.renamed"])
def test_a_process_that_is_killed_leaves_the_old_body_or_none(tmp_path: Path, point: str) -> None:
    archive = Archive(tmp_path)
    child = os.fork()
    if child == 0:
        faults.arm(point, lambda: os.kill(os.getpid(), signal.SIGKILL))
        put(archive)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert archive.find(PLACE) is None
    assert put(archive).read() == b"body"
    assert archive.sweep(datetime.now(UTC) - timedelta(days=1)) == 0  # too young to be removed
    archive.sweep(datetime.now(UTC) + timedelta(days=1))
    assert not any((tmp_path / ".arriving").iterdir())


FULL = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from raymill.errors import StoreError
from raymill.filings.archive import Archive, filed
archive = Archive(sys.argv[1])
place = filed(1, "0000012345-25-000007", "large.htm")
try:
    archive.put(place, bytes(2 << 20), url="u", fetched=datetime.now(UTC))
except StoreError as error:
    print(error)
print([path.name for path in Path(sys.argv[1]).rglob("*") if path.is_file()])
"""


@pytest.mark.system
def test_a_full_disk_is_told_and_nothing_half_written_stays(
    tmp_path: Path, need: Callable[[object, str], None]
) -> None:
    need(shutil.which("unshare"), "unshare")
    (tmp_path / "full.py").write_text(FULL)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=1m none {disk}"
    script = f"{mount} && exec {sys.executable} {tmp_path}/full.py {disk}"
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script], capture_output=True, text=True)
    need("unshare" not in done.stderr, f"user namespaces ({done.stderr.strip()})")
    place = f"{disk}/0000000001/0000012345-25-000007/large.htm"
    assert done.stdout == f"No space left for `{place}`\n[]\n", done.stderr
