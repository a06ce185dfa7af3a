"""Adjustment at read time: splits, dividends, and what was known on a day."""

from datetime import date
from pathlib import Path

import pytest

from market.bars import bars, write_csv
from raymill.errors import ConfigError, InputError
from raymill.market.factors import adjusted, read_factors
from raymill.market.price_files import read_prices

ROWS = ["date,price_factor,split_factor,reference_price", "20191231,0.9,0.5,10"]
ROWS += ["20200101,0.95,0.5,10", "20501231,1,1,0"]


def test_the_row_with_the_smallest_date_from_a_day_on_holds(tmp_path: Path) -> None:
    raw = bars([100, 100, 100, 50], [100, 100, 100, 50], volume=10)  # 2019-12-30 to 2020-01-02
    factors = read_factors(write_csv(tmp_path, "f.csv", ROWS))
    split, total = (adjusted(raw, factors, kind) for kind in ("split", "total"))
    assert split.close.tolist() == [50, 50, 50, 50]
    assert split.volume.tolist() == [20, 20, 20, 10]
    assert total.close.tolist() == [45, 45, 47.5, 50]
    assert (split.adjust, total.adjust) == ("split", "total")
    assert adjusted(raw, None, "raw") is raw


def test_a_later_split_or_dividend_was_not_known(tmp_path: Path) -> None:
    raw = bars([100, 100, 100, 50], [100, 100, 100, 50])
    factors = read_factors(write_csv(tmp_path, "f.csv", ROWS))
    before = adjusted(raw, factors, "total", date(2020, 1, 1))
    assert before.close == pytest.approx([100 * 0.9 / 0.95, 100 * 0.9 / 0.95, 100])
    assert adjusted(raw, factors, "split", date(2020, 1, 1)).close.tolist() == [100, 100, 100]
    assert len(adjusted(raw, None, "raw", date(2019, 12, 31))) == 2


def test_prices_are_adjusted_once_and_with_factors(tmp_path: Path) -> None:
    raw = bars([1, 1])
    factors = read_factors(write_csv(tmp_path, "f.csv", ROWS))
    with pytest.raises(ConfigError, match="without factors"):
        adjusted(raw, None, "split")
    with pytest.raises(ConfigError, match="cannot become `total`"):
        adjusted(adjusted(raw, factors, "split"), factors, "total")
    with pytest.raises(ConfigError, match="cannot be `splits`"):
        adjusted(raw, factors, "splits")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (["date,price_factor", "20200101,1"], "no column `split_factor`"),
        (["date,price_factor,split_factor", "20200101,1,0"], "not above 0"),
    ],
)
def test_a_factor_file_that_cannot_be_used_says_why(
    tmp_path: Path, rows: list[str], why: str
) -> None:
    with pytest.raises(InputError, match=why):
        read_factors(write_csv(tmp_path, "f.csv", rows))


def test_the_reverse_split_of_an_oil_fund_leaves_no_jump(shared_data: Path) -> None:
    folder = shared_data / "market" / "equity_daily"
    raw = read_prices(folder / "USO.csv").bars
    split = adjusted(raw, read_factors(folder / "USO.factors.csv"), "split")
    place = int((date(2020, 4, 29) - date(1970, 1, 1)).days * 86_400_000_000)
    at = raw.ts.tolist().index(place)
    assert raw.close[at - 1 : at + 1].tolist() == [2.13, 18.0]
    assert split.close[at - 1 : at + 1].tolist() == [17.04, 18.0]
