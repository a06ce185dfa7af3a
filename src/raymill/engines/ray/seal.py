"""A file that tells a worker whether a folder that it sees is the one of its orchestrator."""

import secrets
from pathlib import Path

from raymill.errors import StoreError

NAME = "seal"


def sealed(folder: Path) -> str:
    """What is written in the seal of a folder; makes both where they are not there."""
    file = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            partial = file.with_name(f"{NAME}.{secrets.token_hex(4)}.partial")
            partial.write_text(secrets.token_hex(16))
            partial.replace(file)
        return file.read_text()
    except OSError as error:
        raise StoreError(f"Folder `{folder}` cannot be used: {error.strerror}") from error


def is_sealed(folder: Path, seal: str) -> bool:
    """Whether a folder bears a seal."""
    try:
        return (folder / NAME).read_text() == seal
    except OSError:
        return False
