"""What a part of the demo is, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the demo set out to show, and whether it is so."""

    text: str
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the demo, done: its table, what it showed, its section of the page, its files."""

    title: str
    lead: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    facts: tuple[Fact, ...]
    drawings: tuple[tuple[str, str], ...] = ()  # caption and SVG
    files: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()  # what could not run here, and what it needs


Maker: TypeAlias = Callable[[Path, Say], Part]
"""A part: runs in a folder of its own, says how far it is, and gives what came of it."""
