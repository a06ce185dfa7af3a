"""The file that a ticker came in: where it is, and where it goes."""

from pathlib import Path

from raymill.errors import InputError, StoreError
from raymill.filings.folders import free, move


def taken_or_found(file: str, processing: Path) -> tuple[Path, Path]:
    """Where a file is, and where it goes: the same if it was taken before. Raises InputError."""
    path = Path(file).expanduser().absolute()
    if path.is_file():
        return path, path if path.parent == processing else free(processing, path.name)
    taken = processing / path.name
    if taken.is_file():
        return taken, taken
    raise InputError(f"Original file not found: {file}")


def take(path: Path, target: Path) -> None:
    """Move a file, over no other one; nothing if somebody else has. Raises StoreError."""
    if path == target:
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        move(path, target)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"Failed to move file: `{path}`: {error.strerror or error}") from error
