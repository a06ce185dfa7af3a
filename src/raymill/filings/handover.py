"""Tables on their way from one step to the next: files that can be made again, and are not kept."""

import os
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather

from raymill.errors import StoreError


class Handover:
    """A folder of tables by name. What is lost of it is made again from the documents."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def put(self, name: str, table: pa.Table) -> None:
        """Lay a table down. Raises StoreError."""
        path = self._path(name)
        partial = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            feather.write_feather(table, str(partial), compression="zstd")
            partial.replace(path)
        except OSError as error:
            raise StoreError(f"`{path}` cannot be written: {error.strerror or error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def get(self, name: str) -> pa.Table | None:
        """The table of a name, None where there is none that can be read."""
        try:
            return feather.read_table(str(self._path(name)), memory_map=False)
        except (OSError, pa.ArrowException):
            return None

    def drop(self, name: str) -> None:
        """Take a table away."""
        with suppress(OSError):
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.arrow"
