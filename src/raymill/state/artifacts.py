"""Large values as files named by their hash; in the journal stands a reference."""

import hashlib
import os
from pathlib import Path
from typing import Any

from raymill import faults, json
from raymill.errors import StoreError
from raymill.state.durable import sync_folder

LARGE = 64 * 1024
MARK = b"@"  # no JSON value begins with it


class Artifacts:
    """A folder of large values, each written once, durably, before anything refers to it."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def put(self, value: bytes) -> bytes:
        """Keep a value; gives what stands for it: itself where it is small."""
        if len(value) <= LARGE:
            return value
        digest = hashlib.sha256(value).hexdigest()
        path = self.folder / digest[:2] / digest
        if not path.is_file() or path.stat().st_size != len(value):
            _write(path, value)
        about = {"uri": f"{digest[:2]}/{digest}", "sha256": digest, "bytes": len(value)}
        return MARK + json.dumps(about)

    def get(self, value: bytes) -> bytes:
        """The bytes that stand behind a value. Raises StoreError if they are lost or changed."""
        if value[:1] != MARK:
            return value
        about = json.loads(value[1:])
        path = self.folder / str(about["uri"])
        try:
            found = path.read_bytes()
        except OSError as error:
            raise StoreError(
                f"Output `{path}` cannot be read: {error.strerror}",
                hint="where several machines run workflows, RAYMILL_HOME is on a disk they share",
            ) from error
        if hashlib.sha256(found).hexdigest() != about["sha256"]:
            raise StoreError(f"Output `{path}` is damaged: its hash does not match")
        return found

    def load(self, value: bytes) -> Any:
        """The JSON value that stands behind bytes."""
        return json.loads(self.get(value))


def _write(path: Path, value: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        faults.point("artifact.before-rename")
        partial.replace(path)
        for folder in (path.parent, path.parent.parent):
            sync_folder(folder)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"Output `{path}` cannot be written: {error.strerror}") from error
