"""Crawls for people: their options, a bar on a terminal, a table."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raymill.cli.report import show_table

if TYPE_CHECKING:
    from raymill.app.market.crawls import Crawls, Standing

HEADINGS = ("run", "source", "symbol", "kind", "status", "done", "rows", "new", "unsound", "reason")
REASON = 100  # characters of it in a table
Tell = Callable[["Standing"], None]


def wanted(start: str, end: str | None) -> tuple[int, int]:
    """The range in microseconds since 1970. Raises ConfigError."""
    from raymill.market.moments import micros

    return micros(start, "--start"), (
        micros(end, "--end") if end is not None else int(time.time() * 1e6)
    )


def follow(crawls: "Crawls", asked: "Sequence[Standing]") -> "list[Standing]":
    """Follow crawls until all have ended; gives how they stand then, in the order asked."""
    last = list(asked)
    with _teller(last) as tell:
        for place, now in crawls.follow(last):
            last[place] = now
            tell(now)
    return last


@contextmanager
def _teller(asked: "Sequence[Standing]") -> Iterator[Tell]:
    if not sys.stderr.isatty():
        yield Lines().tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    texts = ["{task.description}", "{task.fields[about]}"]
    name, about = (TextColumn(text, markup=False) for text in texts)
    columns = (name, BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), about)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks = {one.run: bar.add_task(one.symbol, total=1.0, about="") for one in asked}

        def tell(now: "Standing") -> None:
            bar.update(tasks[now.run], completed=now.done, about=_about(now))

        yield tell


class Lines:
    """A line for each crawl whose state changes."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def tell(self, now: "Standing") -> None:
        """Write a line, unless there is nothing new."""
        if self._told.get(now.run) == now.status:
            return
        self._told[now.run] = now.status
        sys.stderr.write(f"{now.symbol}: {_about(now)}\n")
        sys.stderr.flush()


def _about(now: "Standing") -> str:
    counts = f"{now.rows:,} rows, {now.new:,} new"
    if now.status == "waiting":
        return f"waits until {now.until}: {now.reason}"
    return f"failed: {now.reason}" if now.status == "failed" else f"{now.status}, {counts}"


def show(crawls: "Sequence[Standing]") -> None:
    """Write a table to standard output."""
    show_table(HEADINGS, [cells(one) for one in crawls], stream=sys.stdout, numbers_from=99)


def cells(one: "Standing") -> tuple[str, ...]:
    """A row of the table."""
    reason = one.reason or ""
    if len(reason) > REASON:
        reason = f"...{reason[-REASON:]}"  # an address comes first, the reason last
    kind = f"{one.kind} {one.interval}" if one.interval else one.kind
    counts = (f"{one.rows:>9,}", f"{one.new:>9,}", f"{one.unsound:>5,}")
    about = (one.run, one.source, one.symbol, kind, one.status)
    return (*about, f"{one.done:>4.0%}", *counts, reason)
