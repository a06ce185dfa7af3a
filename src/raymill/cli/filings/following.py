"""Companies on their way: a bar on a terminal, a line for each that ends elsewhere."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingStatus

if TYPE_CHECKING:
    from raymill.app.filings.companies import Filings

Tell = Callable[[Standing, int, int], None]


def follow(filings: "Filings", asked: Sequence[Standing]) -> list[Standing]:
    """Follow companies until all have ended; gives how they stand then, in the order asked."""
    last = {one.called: one for one in asked}
    with _teller(len(last)) as tell:
        for now in filings.follow(last.values()):
            last[now.called] = now
            tell(now, sum(one.status.is_over for one in last.values()), len(last))
    return list(last.values())


@contextmanager
def _teller(count: int) -> Iterator[Tell]:
    if not sys.stderr.isatty():
        yield Lines().tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), text)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=count)

        def tell(now: Standing, done: int, of: int) -> None:
            bar.update(task, completed=done, description=f"{now.called} {now.status.value}")
            if now.status is ProcessingStatus.ERROR:
                bar.console.print(_failure(now), markup=False, highlight=False)

        yield tell


class Lines:
    """A line for each company whose state changes."""

    def __init__(self) -> None:
        self._told: dict[str, ProcessingStatus] = {}

    def tell(self, now: Standing, done: int = 0, of: int = 0) -> None:
        """Write a line, unless there is nothing new."""
        if self._told.get(now.called) is now.status:
            return
        self._told[now.called] = now.status
        text = f"{now.called}: {now.status.value}"
        if now.status is ProcessingStatus.ERROR:
            text = _failure(now)
        elif now.status.is_over:
            text = f"{now.called}: {now.filings:,} new filings, {now.facts:,} facts"
        if now.status.is_over and of:
            text = f"[{done}/{of}] {text}"
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _failure(now: Standing) -> str:
    return f"{now.called} failed: {now.message}"
