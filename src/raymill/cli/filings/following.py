"""Companies on their way: a bar on a terminal, a line for each that ends elsewhere."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raymill.filings.ledger import Standing

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
        yield _line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), text)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=count)

        def tell(now: Standing, done: int, of: int) -> None:
            bar.update(task, completed=done, description=f"{now.called} {now.status.value}")
            if now.status.value == "error":
                bar.console.print(_failure(now), markup=False, highlight=False)

        yield tell


def _line(now: Standing, done: int, of: int) -> None:
    if now.status.value == "error":
        sys.stderr.write(f"[{done}/{of}] {_failure(now)}\n")
    elif now.status.is_over:
        sys.stderr.write(
            f"[{done}/{of}] {now.called}: {now.filings:,} filings, {now.facts:,} facts\n"
        )
    else:
        sys.stderr.write(f"{now.called}: {now.status.value}\n")
    sys.stderr.flush()


def _failure(now: Standing) -> str:
    return f"{now.called} failed: {now.message}"
