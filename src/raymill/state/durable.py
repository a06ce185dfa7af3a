"""What makes a new file survive the loss of power: its folder is forced to the disk too."""

import os
from pathlib import Path


def sync_folder(folder: str | Path) -> None:
    """Force the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: str | Path) -> None:
    """Force the bytes of a file to the disk."""
    sync_folder(path)
