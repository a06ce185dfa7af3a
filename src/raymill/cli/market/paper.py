"""`raymill paper`: a strategy over stored bars as they come, with money that is not real."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from raymill import json
from raymill.cli.asked import pairs
from raymill.cli.failures import DONE
from raymill.cli.interrupts import stoppable
from raymill.cli.market.options import NO_COSTS, NO_DATA, CostOptions, DataOptions, asked
from raymill.errors import ConfigError, NotStored

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from raymill.app.market.follow import Follower, Moved


def paper(
    strategy: str,
    /,
    *,
    bars: DataOptions = NO_DATA,
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
    costs: CostOptions = NO_COSTS,
    watch: bool = False,
    every: float = 5.0,
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> int:
    """Follow stored bars with a strategy, on paper, and show what it trades.

    It takes the bars since `--start`, each once none before it lacks, and with `--watch` those that
    a stream, a crawl or an import adds, the first ones too, until Ctrl-C. Nothing is kept: the same
    bars bring back the same account, which is that of a backtest over them.

    Parameters
    ----------
    strategy
        A name as in `raymill strategies ls`, `module:Class` or `FILE.py:Class`.
    set_
        A parameter of the strategy, as in `fast=10`; may be given again.
    watch
        Go on with bars that come later.
    every
        Seconds after which it is looked for bars again.
    json_
        Write a JSON line for each time at which something was filled or decided, and one for the
        account at the end.
    verbose
        Show where an error was raised.
    """
    if not every > 0:
        raise ConfigError(f"`--every` cannot be {every}", hint="give seconds above 0")
    values = pairs(set_)
    follower = _begun(lambda: _follower(strategy, bars, values, costs), every if watch else None)
    with stoppable("") as stop:
        try:
            _show(follower, json_, stop)
            while watch and not stop.wait(every):
                _show(follower, json_, stop)
        finally:
            _account(follower, json_)
    if stop.is_set():
        raise KeyboardInterrupt
    return DONE


def _begun(make: "Callable[[], Follower]", every: float | None) -> "Follower":
    """The follower, once there are bars to follow; without a wait those have to be there."""
    is_told = False
    while True:
        try:
            return make()
        except NotStored as error:
            if every is None:
                raise
            if not is_told:
                sys.stderr.write(f"{error.message} yet; waits for a stream, a crawl or an import\n")
            is_told = True
            time.sleep(every)


def _follower(
    strategy: str, bars: DataOptions, values: dict[str, str], costs: CostOptions
) -> "Follower":
    from raymill.app.backtests import named
    from raymill.app.market.follow import Account, Follower
    from raymill.app.market.rooms import open_rooms

    wanted = asked(strategy, bars, costs)
    if wanted.stored is None or bars.adjust is not None or bars.as_of is not None:
        raise ConfigError(
            "Bars are followed as they are stored, not those of files, and not adjusted",
            hint="name them: --symbol SYMBOL --interval 1m",
        )
    account = Account(wanted.costs, wanted.cash, wanted.per_year, wanted.seed)
    return Follower(open_rooms(), named(strategy).make(values), wanted.stored, account)


def _show(follower: "Follower", json_: bool, stop: "threading.Event") -> None:
    """Take the bars that came; Ctrl-C ends that between two of them, so that the account holds."""
    for moved in follower.advance():
        if moved.fills or moved.decided:
            sys.stdout.writelines(f"{line}\n" for line in _lines(moved, json_))
        if stop.is_set():
            break
    sys.stdout.flush()


def _lines(moved: "Moved", json_: bool) -> list[str]:
    from raymill.market.moments import moment

    at, fills = moment(moved.ts_us), [one._asdict() for one in moved.fills]
    if json_:
        told: dict[str, Any] = {"ts": at, "fills": fills, "decided": moved.decided}
        return [json.dumps(told | {"equity": moved.equity}).decode()]
    traded = [
        f"{at}  {'bought' if one.quantity > 0 else 'sold'} {abs(one.quantity):,.6g} {one.symbol} "
        f"at {one.price:,.6g}, fee {one.fee:,.4g}"
        for one in moved.fills
    ]
    wants = ", ".join(f"{weight:g} of {symbol}" for symbol, weight in moved.decided.items())
    return [*traded, *([f"{at}  wants {wants}; equity {moved.equity:,.2f}"] if wants else [])]


def _account(follower: "Follower", json_: bool) -> None:
    from raymill.market.moments import moment

    ctx = follower.paper.ctx
    last = None if follower.last_us < 0 else moment(follower.last_us)
    if json_:
        about = {"bars": follower.paper.count, "last": last, "cash": ctx.cash, "units": ctx.units}
        sys.stdout.write(json.dumps({"account": about | {"equity": ctx.equity}}).decode() + "\n")
        return
    held = ", ".join(f"{units:,.6g} {symbol}" for symbol, units in sorted(ctx.units.items()))
    sys.stderr.write(
        f"{follower.paper.count:,} bars, the last of {last or 'none'}; equity {ctx.equity:,.2f}, "
        f"cash {ctx.cash:,.2f}, holds {held or 'nothing'}\n"
    )
