"""The file behind a sink: atomic, in place where it must be, clear when it fails."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from raymill.connectors.output import InPlace, PartialFile, in_place, open_output
from raymill.errors import SinkError

FULL = Path("/dev/full")


def test_the_final_name_appears_when_the_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    output = open_output(str(path))
    output.write(b"one\n")
    output.write(memoryview(b"two\n"))
    assert not path.exists()
    assert (tmp_path / "out.txt.partial").read_bytes() == b"one\ntwo\n"
    assert output.length == 8
    output.finish()
    assert path.read_bytes() == b"one\ntwo\n"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_an_old_result_is_gone_before_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    (tmp_path / "out.txt.partial").write_text("older and longer")
    output = open_output(str(path))
    assert not path.exists()
    output.write(b"new")
    output.abandon()
    assert not path.exists()
    assert (tmp_path / "out.txt.partial").read_bytes() == b"new"


def test_a_resumed_file_is_cut_off_at_its_mark(tmp_path: Path) -> None:
    (tmp_path / "out.partial").write_bytes(b"kept and garbage")
    output = open_output(str(tmp_path / "out"), 4)
    output.write(b"!")
    output.finish()
    assert (tmp_path / "out").read_bytes() == b"kept!"


def test_a_file_that_was_finished_behind_its_last_checkpoint_can_be_resumed(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"kept and footer")
    output = open_output(str(tmp_path / "out"), 4)
    assert not (tmp_path / "out").exists()
    output.finish()
    assert (tmp_path / "out").read_bytes() == b"kept"


def test_a_file_shorter_than_its_mark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.partial").write_bytes(b"abc")
    with pytest.raises(SinkError, match="holds 3 bytes, its checkpoint speaks of 4") as caught:
        open_output(str(tmp_path / "out"), 4)
    assert caught.value.hint == "run again without --resume"


def test_a_link_stays_a_link_to_the_new_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    output = open_output(str(tmp_path / "link"))
    output.write(b"new")
    output.finish()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_missing_folder_is_named_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(
        SinkError, match=r"folder of output .*none/out.txt. does not exist"
    ) as caught:
        open_output(str(tmp_path / "none" / "out.txt"))
    assert caught.value.hint == f"mkdir -p {tmp_path}/none"


def test_a_directory_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="is a directory"):
        open_output(str(tmp_path))


def test_a_folder_without_permission_is_told() -> None:
    with pytest.raises(SinkError, match=r"permission denied|read-only") as caught:
        open_output("/sys/raymill-output")  # nobody may make files there, root included
    assert caught.value.hint == "name a folder that you can write to"


def test_a_full_device_is_told_with_its_cause() -> None:
    output = open_output(str(FULL))
    with pytest.raises(SinkError, match="Cannot write output `/dev/full`: no space left"):
        output.write(b"x")
    assert output.length == 0
    output.abandon()


def test_what_a_failed_write_left_behind_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = PartialFile(str(tmp_path / "out"))
    output.write(b"good ")
    real = os.pwrite

    def half(descriptor: int, data: memoryview, place: int) -> int:
        if place > 5:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[:3], place)

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(SinkError, match="no space left"):
        output.write(b"garbage that is cut")
    monkeypatch.undo()
    assert output.length == 5
    output.write(b"x")
    output.finish()
    assert (tmp_path / "out").read_bytes() == b"good x"


SMALL_DISK = """
import sys
from raymill.connectors.output import open_output
from raymill.errors import SinkError
output = open_output(sys.argv[1] + "/out")
try:
    for _ in range(64):
        output.write(bytes(65536))
except SinkError as error:
    print(error, output.length % 65536, output.length <= 2**20)
"""


def in_own_space(script: str) -> list[str]:
    return ["unshare", "-Urm", "sh", "-c", script]


@pytest.mark.system
def test_a_small_disk_that_fills_up_is_told(
    tmp_path: Path, need: Callable[[object, str], None]
) -> None:
    mount = f"mount -t tmpfs -o size=1m none {tmp_path}"
    need(shutil.which("unshare"), "unshare")
    refused = subprocess.run(in_own_space(mount), capture_output=True).returncode
    need(not refused, "leave to mount in a user namespace")
    script = f"{mount} && exec {sys.executable} -c '{SMALL_DISK}' {tmp_path}"
    told = subprocess.run(in_own_space(script), capture_output=True, text=True, check=True).stdout
    assert told.strip() == f"Cannot write output `{tmp_path}/out`: no space left 0 True"


def test_a_pipe_is_written_in_place(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    output = open_output(str(path))
    output.write(b"through")
    output.finish()
    reader.join(10)
    assert read == [b"through"]
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_pipe_without_a_reader_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    output = open_output(str(path))
    os.close(reader)
    with pytest.raises(SinkError, match="its reader is gone"):
        output.write(b"x")
    output.abandon()


WRITE = """
import sys
from raymill.connectors.output import open_output
output = open_output(sys.argv[1])
for _ in range(3):
    output.write(b"line\\n")
output.finish()
"""


@pytest.mark.system
@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_written_in_place_even_as_a_file(tmp_path: Path, name: str) -> None:
    with open(tmp_path / "out", "wb") as file:
        file.write(b"before\n")
        file.flush()
        subprocess.run([sys.executable, "-c", WRITE, name], stdout=file, check=True)
    assert (tmp_path / "out").read_bytes() == b"before\nline\nline\nline\n"
    assert os.listdir(tmp_path) == ["out"]


def test_a_stand_in_for_standard_output_is_written_to(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    output = open_output("-")
    output.write(b"line\n")
    output.finish()
    assert capsysbinary.readouterr().out == b"line\n"


BROKEN = """
import os
from raymill.connectors.output import open_output
read, write = os.pipe()
os.dup2(write, 1)
os.close(read)
try:
    open_output("-").write(b"x")
except BrokenPipeError:
    os.write(2, b"quiet")
"""


@pytest.mark.system
def test_a_closed_standard_output_raises_what_ends_a_program_quietly() -> None:
    told = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, check=True)
    assert told.stderr == b"quiet"


def test_what_is_written_in_place_is_known_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert [in_place(path) for path in ("-", "/dev/null", "/dev/stdout", "/dev/fd/7")] == [True] * 4
    assert not any(in_place(str(path)) for path in (tmp_path, tmp_path / "file", tmp_path / "new"))
    assert isinstance(open_output("/dev/null"), InPlace)
