"""A backtest as it is asked for: which way its bars are taken."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from raymill.app.backtests import Asked, run

NOW = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("bars", "taken"), [(1000, "on_bar"), (1001, "vector")])
def test_columns_are_taken_where_there_are_bars_enough_to_compile_for(
    bars: int, taken: str, tmp_path: Path
) -> None:
    days = [f"{NOW - timedelta(days=bars - at):%Y-%m-%d}" for at in range(bars)]
    rows = [f"{day},10,11,9,{10 + at % 2},100" for at, day in enumerate(days)]
    (tmp_path / "A.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]) + "\n")
    asked = Asked("sma_cross", (str(tmp_path / "A.csv"),))
    assert run(asked, {"fast": 2, "slow": 3}, "auto", NOW).result.path == taken
    assert run(asked, {"fast": 2, "slow": 3}, "vector", NOW).result.path == "vector"
