"""`raymill sweep`: a strategy with many parameter sets over the same bars."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from raymill.cli.asked import pairs
from raymill.cli.interrupts import stoppable
from raymill.cli.market.options import (
    NO_COSTS,
    NO_DATA,
    CostOptions,
    DataOptions,
    asked,
    tell_quarantined,
    write_table,
)
from raymill.cli.market.progress import progress
from raymill.cli.market.sweep_options import (
    NO_CHOICES,
    NO_JUDGE,
    NO_WORK,
    ChoiceOptions,
    JudgeOptions,
    WorkOptions,
)
from raymill.cli.report import show_json, show_table
from raymill.errors import Interrupted

if TYPE_CHECKING:
    from raymill.app.sweeps import Swept

SHOWN = ("final_equity", "sharpe", "sortino", "max_drawdown", "calmar", "closed_trades", "win_rate")
JUDGED = ("final_equity", "sharpe", "max_drawdown", "closed_trades")
STOPPING = "stopping; press Ctrl-C again to end at once\n"


def sweep(
    strategy: str,
    /,
    *,
    choices: ChoiceOptions = NO_CHOICES,
    bars: DataOptions = NO_DATA,
    costs: CostOptions = NO_COSTS,
    judge: JudgeOptions = NO_JUDGE,
    work: WorkOptions = NO_WORK,
    output: Annotated[str | None, Parameter(name=["-o", "--output"])] = None,
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> None:
    """Run a strategy with many parameter sets over the same bars, and show the best.

    The best of many sets looks good by chance alone. So the number of sets is shown, with the
    deflated Sharpe ratio: the probability that the best one's is above what chance would show.
    With `--holdout` or `--walk` the best sets are chosen on some bars and judged on later ones,
    behind an embargo as long as the longest window.

    Parameters
    ----------
    strategy
        A name as in `raymill strategies ls`, `module:Class` or `FILE.py:Class`.
    output
        Write all sets with their figures to a file: .parquet, .csv or .jsonl.
    json_
        Write the best sets as one JSON object.
    verbose
        Show where an error was raised.
    """
    from raymill.app.sweeps import Choices, How, run_sweep

    grid, fixed = pairs(choices.grid, "--grid"), pairs(choices.set_)
    given = Choices(grid, choices.random, choices.sets, fixed)
    how = How(**asdict(judge), **asdict(work))
    with _stoppable(bool(work.checkpoint)) as stop, progress("sweep") as tell:
        swept = run_sweep(asked(strategy, bars, costs), given, how, tell, stop)
    tell_quarantined(swept.data)
    if output is not None:
        write_table(output, swept.sweep.table)
    if json_:
        show_json(swept.to_dict())
        sys.stderr.write(f"{_ran(swept)}\n")
    else:
        _show(swept)


@contextmanager
def _stoppable(is_kept: bool) -> Iterator[Any]:
    """Let Ctrl-C stop a sweep between chunks. Raises Interrupted that says how to go on."""
    try:
        with stoppable(STOPPING) as stopped:
            yield stopped.is_set
    except Interrupted as error:
        hint = "the same command with --resume goes on" if is_kept else None
        raise Interrupted(error.message, hint=hint or "--checkpoint DIR keeps what is done") from (
            error
        )


def _show(swept: "Swept") -> None:
    found, names = swept.sweep, swept.sweep.sets.varied
    judged = {one.place: one.test for one in swept.judged}
    later = tuple(f"later {name}" for name in JUDGED) if judged else ()
    rows = []
    for place in swept.best:
        set_ = found.sets.values[place]
        cells = [str(set_[name]) for name in names]
        cells += [_text(float(found.figures[name][place])) for name in SHOWN]
        cells += [_text(getattr(judged[place], name)) for name in JUDGED] if judged else []
        rows.append(cells)
    show_table((*names, *SHOWN, *later), rows, stream=sys.stdout, numbers_from=0)
    if swept.walk is not None:
        _show_walk(swept)
    sys.stderr.write("".join(f"{line}\n" for line in _tail(swept)))


def _show_walk(swept: "Swept") -> None:
    assert swept.walk is not None
    sys.stdout.write("\n")
    names = swept.sweep.sets.varied
    rows = []
    for one in swept.walk.judged:
        cells = [f"{one.fold.test[0]:,}", f"{one.fold.test[1]:,}"]
        cells += [str(one.parameters[name]) for name in names]
        cells += [_text(one.train["sharpe"])]
        rows.append(cells + [_text(getattr(one.test, name)) for name in JUDGED])
    together = swept.walk.together
    blank = [""] * (len(names) + 1)
    rows.append(["all", "", *blank, *(_text(getattr(together, name)) for name in JUDGED)])
    heads = ("from bar", "to", *names, "chosen sharpe", *(f"later {name}" for name in JUDGED))
    show_table(heads, rows, stream=sys.stdout, numbers_from=0)


def _tail(swept: "Swept") -> Iterator[str]:
    found, deflated = swept.sweep, swept.deflated
    yield f"{_ran(swept)}, {found.job.per_year:g} periods a year"
    left_out = found.sets.left_out
    if left_out:
        yield f"{len(left_out):,} sets are left out: {left_out[0][1]}"
    shown = "-" if deflated.deflated_sharpe is None else f"{deflated.deflated_sharpe:.3f}"
    yield (
        f"deflated Sharpe of the best: {shown} after {deflated.trials:,} trials; chance alone "
        f"would show a Sharpe of {deflated.sharpe_by_chance:.3f}"
    )


def _ran(swept: "Swept") -> str:
    """How many sets ran, and where."""
    found, wanted = swept.sweep, swept.how.engine
    where = found.engine if found.workers == 1 else f"{found.engine}, {found.workers} workers"
    if wanted not in (None, "local", found.engine):
        where += f"; too little work for `{wanted}`"
    took = f"{swept.elapsed_s:.2f} s"
    return f"{found.trials:,} sets over {found.job.counted:,} bars in {took} ({where})"


def _text(value: float | int | None) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
