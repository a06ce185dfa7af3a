"""`raymill backtests`: list runs of strategies, look at one, stop them."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from raymill.cli.failures import DONE, FAILED
from raymill.cli.market.executing import lines
from raymill.cli.market.executing import show as table
from raymill.cli.market.options import write_table
from raymill.cli.page_options import NEWEST, PageOptions
from raymill.cli.report import show_json
from raymill.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

State = Literal["queued", "running", "stopping", "stopped", "completed", "failed"]


def ls(
    *,
    strategy: str | None = None,
    state: State | None = None,
    page: PageOptions = NEWEST,
    json_: bool = False,
) -> None:
    """List runs of strategies and scanners, the newest first.

    Parameters
    ----------
    strategy
        Only runs of this strategy.
    state
        Only runs that are queued, running, stopping, stopped, completed or failed.
    json_
        Write a JSON list instead of a table.
    """
    from raymill.app.market.executions import Executions
    from raymill.app.market.made import shown

    with Executions() as executions:
        found = executions.ls(
            algorithm_id=strategy, state=state, before=page.before, most=page.most
        )
    if json_:
        show_json([shown(one) for one in found])
    else:
        table(found)


def show(
    execution: str,
    /,
    *,
    trades: Annotated[str | None, Parameter(name="--trades")] = None,
    equity: Annotated[str | None, Parameter(name="--equity")] = None,
    json_: bool = False,
) -> None:
    """Show a run: what was asked, how far it is, its figures.

    Parameters
    ----------
    execution
        The id of the run.
    trades
        Write its closed trades to a Parquet, CSV or JSON lines file.
    equity
        Write the equity at the close of each bar to such a file.
    json_
        Write it as JSON, with its record, trades and equity.
    """
    from raymill.app.market.executions import Executions
    from raymill.app.market.made import shown

    with Executions() as executions:
        one = executions.standing(execution)
        has_result = one.state == "completed" or trades is not None or equity is not None
        result = executions.result(execution) if has_result else None
    if result is not None:
        _write_rows(trades, result.trades)
        _write_rows(equity, result.equity)
    if json_:
        show_json(shown(one) | {"result": result.to_dict() if result else None})
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines(one)))


def _write_rows(path: str | None, rows: "pa.Table | None") -> None:
    if path is None:
        return
    if rows is None:
        raise ConfigError("A scan trades nothing: it has neither trades nor equity")
    write_table(path, rows)


def stop(*executions: str, strategy: str | None = None, json_: bool = False) -> int:
    """Stop runs; one that has ended stays as it is.

    Parameters
    ----------
    executions
        The ids of the runs.
    strategy
        Stop all runs of this strategy that have not ended.
    json_
        Write a JSON list of where they stand.
    """
    from raymill.app.market.executions import Executions
    from raymill.app.market.made import shown

    if not executions and strategy is None:
        raise ConfigError(
            "There is no run to stop", hint="raymill backtests ls lists them; or --strategy NAME"
        )
    with Executions() as known:
        for one in executions:
            known.standing(one)
        ended = [known.stop(one) for one in executions]
        ended += known.stop_all(strategy) if strategy else []
    if json_:
        show_json([shown(one) for one in ended])
    else:
        sys.stdout.write("".join(f"{one.execution_id} {one.state}\n" for one in ended))
        if not ended:
            sys.stderr.write(f"no run of `{strategy}` is under way\n")
    return DONE if all(one.is_over for one in ended) else FAILED
