"""The demo: the main jobs on real readings, a part for each, and a page that shows the results."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raymill.app.demo.page import page
from raymill.app.demo.part import Maker, Part, Say
from raymill.config.paths import home
from raymill.errors import SinkError
from raymill.flow.registry import locate

PARTS: tuple[str, ...] = (
    "raymill.app.demo.buoy:buoy",
    "raymill.app.demo.market:market",
    "raymill.app.demo.filings:filings",
    "raymill.services.demo.tour:services",
)
"""Where the parts are, as `module:function`; each is loaded when its turn comes."""

PAGE = "index.html"


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo, done: its parts and its page."""

    parts: tuple[Part, ...]
    page: Path
    elapsed_s: float

    @property
    def holds(self) -> bool:
        """Whether everything that was to be shown is so."""
        return all(fact.holds for part in self.parts for fact in part.facts)


def run_demo(say: Say, parts: Sequence[str] = PARTS, folder: Path | None = None) -> Demo:
    """Run the parts, each in a folder of its own under `RAYMILL_HOME/demo`, and write the page.

    Raises InputError where the sample data is not installed, SinkError where nothing can be
    written.
    """
    place = folder or home() / "demo"
    begun = time.monotonic()
    done = []
    for reference in parts:
        make: Maker = locate(reference)
        done.append(make(_room(place / reference.rpartition(":")[2]), say))
    target = place / PAGE
    _write(target, page(done))
    return Demo(tuple(done), target, time.monotonic() - begun)


def _room(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> SinkError:
    return SinkError(
        f"`{path}` cannot be written: {error.strerror}", hint="set RAYMILL_HOME to another folder"
    )
