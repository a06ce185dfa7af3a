"""A progress bar on a terminal: records, their rate and, where sizes are known, what is left."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raymill.engines.run import Progress

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

Tell = Callable[[Progress], None]


@contextmanager
def progress(title: str, shares_terminal: bool) -> Iterator[Tell | None]:
    """Give what a run tells its progress to; None off a terminal, or where records go to it."""
    if not sys.stderr.isatty() or (shares_terminal and sys.stdout.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(*_columns(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, records="", rate="")

        def tell(now: Progress) -> None:
            rate = now.records / now.elapsed_s if now.elapsed_s else 0.0
            bar.update(
                task,
                total=now.bytes_total,
                completed=now.bytes_read,
                records=f"{now.records:,} records",
                rate=f"{rate:,.0f}/s",
            )

        yield tell


def _columns() -> "list[str | ProgressColumn]":
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    texts = ["{task.description}", "{task.fields[records]}", "{task.fields[rate]}"]
    name, records, rate = (TextColumn(text, markup=False) for text in texts)
    left = TimeRemainingColumn()
    return [name, BarColumn(), records, rate, TimeElapsedColumn(), "left", left]
