"""Standard metrics over time: values worked out by hand, those of Apple from its filings."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from filings.bodies import SEC, real
from filings.reports import reports, values, year
from raymill.errors import ConfigError, InputError, UnknownName
from raymill.filings import FACTS, extract_file
from raymill.filings.metrics import load, standard
from raymill.filings.series import known, series
from raymill.filings.standard import standardise

QUARTERS = (
    "Revenues 2024-01-01 2024-03-31 10 10-Q 2024-05-01",
    "Revenues 2024-04-01 2024-06-30 20 10-Q 2024-08-01",
    "Revenues 2024-01-01 2024-06-30 30 10-Q 2024-08-01",
    "Revenues 2024-07-01 2024-09-30 30 10-Q 2024-11-01",
    "Revenues 2024-01-01 2024-09-30 60 10-Q 2024-11-01",
    "Revenues 2024-01-01 2024-12-31 100.5 10-K 2025-02-01",
)


def facts_of(cik: int) -> pa.Table:
    return extract_file(str(SEC / f"companyfacts/CIK{cik:010}.json")).facts


def test_the_first_concept_that_has_a_value_for_the_period_is_taken() -> None:
    facts = reports(
        f"SalesRevenueNet {year(2016)} 1 10-K 2017-02-01",
        f"SalesRevenueNet {year(2017)} 2 10-K 2018-02-01",
        f"RevenueFromContractWithCustomerExcludingAssessedTax {year(2017)} 3 10-K 2019-02-01",
        f"Revenues {year(2018)} 4 10-K 2019-02-01",
    )
    assert values(series(facts, "revenue")) == [
        ("2016-12-31", "1"),
        ("2017-12-31", "3"),
        ("2018-12-31", "4"),
    ]
    before = series(facts, "revenue", as_of=date(2018, 12, 31))
    assert values(before) == [("2016-12-31", "1"), ("2017-12-31", "2")]


def test_a_proxy_statement_is_no_source_of_net_income() -> None:
    facts = reports(
        f"NetIncomeLoss {year(2024)} 7 10-K 2025-02-01",
        f"NetIncomeLoss {year(2024)} 8 10-K/A 2025-03-01",
        f"NetIncomeLoss {year(2024)} 9 DEF14A 2025-04-01",
    )
    (row,) = series(facts, "net_income").to_pylist()
    assert (row["value_text"], row["form"], row["flags"]) == (
        "8",
        "10-K/A",
        ["amended", "restated"],
    )


def test_the_fourth_quarter_is_the_year_less_nine_months_and_says_so() -> None:
    rows = series(reports(*QUARTERS), "revenue", per="quarterly").to_pylist()
    assert [(row["fiscal_period"], row["value_text"], row["basis"]) for row in rows] == [
        ("Q1", "10", "reported"),
        ("Q2", "20", "reported"),
        ("Q3", "30", "reported"),
        ("Q4", "40.5", "difference"),
    ]
    last = rows[-1]
    assert (last["start"], last["end"]) == (date(2024, 10, 1), date(2024, 12, 31))
    assert (last["is_derived"], last["accession"]) == (True, "2025-02-01-10-K")
    assert last["fiscal_year"] == 2024


def test_before_the_year_is_filed_there_is_no_fourth_quarter() -> None:
    rows = series(reports(*QUARTERS), "revenue", per="quarterly", as_of=date(2025, 1, 31))
    assert [text for _, text in values(rows)] == ["10", "20", "30"]


def test_a_reported_fourth_quarter_holds_before_a_derived_one() -> None:
    facts = reports(*QUARTERS, "Revenues 2024-10-01 2024-12-31 41 10-K 2025-02-01")
    last = series(facts, "revenue", per="quarterly").to_pylist()[-1]
    assert (last["value_text"], last["basis"]) == ("41", "reported")


def test_quarters_of_a_cash_flow_are_differences_of_what_adds_up_over_the_year() -> None:
    concept = "NetCashProvidedByUsedInOperatingActivities"
    kept = [QUARTERS[place].replace("Revenues", concept) for place in (0, 2, 4, 5)]
    rows = series(reports(*kept), "operating_cash_flow", per="quarterly")
    assert [text for _, text in values(rows)] == ["10", "20", "30", "40.5"]
    assert rows["is_derived"].to_pylist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("concept", "metric", "unit"),
    [
        ("EarningsPerShareDiluted", "eps_diluted", "USD/shares"),
        ("WeightedAverageNumberOfDilutedSharesOutstanding", "average_shares_diluted", "shares"),
    ],
)
def test_amounts_per_share_and_averages_are_never_subtracted(
    concept: str, metric: str, unit: str
) -> None:
    facts = reports(*(line.replace("Revenues", concept) for line in QUARTERS), unit=unit)
    rows = series(facts, metric, per="quarterly")
    assert [text for _, text in values(rows)] == ["10", "20", "30"]
    assert series(facts, metric, per="ttm").num_rows == 0


def test_a_restated_year_and_nine_months_as_before_make_no_quarter() -> None:
    restated = "Revenues 2024-01-01 2024-12-31 200 10-K/A 2025-06-01"
    facts = reports(*QUARTERS, restated)
    ends = series(facts, "revenue", per="quarterly")["value_text"].to_pylist()
    assert ends == ["10", "20", "30"]
    again = "Revenues 2024-01-01 2024-09-30 150 10-Q 2025-11-01"
    rows = series(reports(*QUARTERS, restated, again), "revenue", per="quarterly")
    assert values(rows)[-1] == ("2024-12-31", "50")


def test_the_last_four_quarters_are_added_where_none_is_missing() -> None:
    later = "Revenues 2025-01-01 2025-03-31 15 10-Q 2025-05-01"
    gap = "Revenues 2025-07-01 2025-09-30 70 10-Q 2025-11-01"
    rows = series(reports(*QUARTERS, later, gap), "revenue", per="ttm").to_pylist()
    assert [(str(r["end"]), r["value_text"], r["basis"], r["fiscal_period"]) for r in rows] == [
        ("2024-12-31", "100.5", "reported", "FY"),
        ("2025-03-31", "105.5", "sum", "TTM"),  # 20 + 30 + 40.5 + 15
    ]


def test_balances_of_a_year_are_those_of_its_last_day() -> None:
    facts = reports(
        f"Revenues {year(2024)} 1 10-K 2025-02-01",
        "Revenues 2024-01-01 2024-03-31 1 10-Q 2024-05-01",
        "Assets - 2024-12-31 50 10-K 2025-02-01",
        "Assets - 2024-03-31 40 10-Q 2024-05-01",
        "Assets - 2024-02-15 30 8-K 2024-03-01",  # of no period
    )
    assert values(series(facts, "assets")) == [("2024-12-31", "50")]
    quarterly = series(facts, "assets", per="quarterly")
    assert values(quarterly) == [("2024-03-31", "40"), ("2024-12-31", "50")]
    assert series(facts, "assets", per="all").num_rows == 3


def test_the_currency_of_most_amounts_is_that_of_the_company() -> None:
    facts = pa.concat_tables(
        [
            reports(
                f"Revenue {year(2023)} 70 20-F 2024-04-01",
                f"Revenue {year(2024)} 80 20-F 2025-04-01",
                taxonomy="ifrs-full",
                unit="EUR",
            ),
            reports(f"Revenue {year(2024)} 88 20-F 2025-04-01", taxonomy="ifrs-full", unit="USD"),
        ]
    )
    assert series(facts, "revenue")["value_text"].to_pylist() == ["70", "80"]
    assert series(facts, "revenue", unit="USD")["value_text"].to_pylist() == ["88"]


def test_segments_are_no_metric() -> None:
    line = f"Revenues {year(2024)} 5 10-K 2025-02-01"
    assert standardise(reports(line, dims=[("a:Axis", "a:Member")])).num_rows == 0
    assert standardise(reports(line, unit="shares")).num_rows == 0
    (row,) = standardise(reports(line)).to_pylist()
    assert (row["metric"], row["priority"], row["basis"], row["flags"]) == (
        "revenue",
        1,
        "reported",
        [],
    )


def test_rows_say_how_far_they_can_be_trusted() -> None:
    flags = standardise(
        reports(
            f"Revenues {year(2024)} 5 8-K 2025-02-01",
            f"Revenues {year(2024)} 5 10-K/A 2025-02-01",
            "Revenues 2024-01-01 2024-02-15 5 10-K 2025-02-01",
        )
    )["flags"].to_pylist()
    assert flags == [["recast"], ["amended"], ["odd_period"]]


def test_there_are_about_45_metrics_each_with_concepts() -> None:
    metrics = standard().by_name
    assert len(metrics) == 46
    assert all(metric.text and metric.concepts for metric in metrics.values())
    ifrs = [m for m in metrics.values() if any(t == "ifrs-full" for t, _ in m.concepts)]
    assert len(ifrs) == 46


def test_the_table_can_be_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[wheels]\ntext = "Wheels"\nkind = "flow"\nconcepts = ["tiny:WheelsSold"]\n')
    table = load(path)
    assert table.version != standard().version
    facts = reports(f"WheelsSold {year(2024)} 5 10-K 2025-02-01", taxonomy="tiny")
    assert values(series(facts, "wheels", table=table)) == [("2024-12-31", "5")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[wheels", "is no TOML"),
        ('[wheels]\nkind = "flow"', "Metric `wheels` in .* names no concepts"),
        ('[wheels]\nkind = "flux"\nconcepts = ["A"]', "Unknown kind of metric `wheels`: `flux`"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load(path)
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_an_unknown_metric_names_near_ones() -> None:
    with pytest.raises(UnknownName) as caught:
        series(reports(*QUARTERS), "revenues")
    assert "`revenue`" in (caught.value.hint or "")


def test_several_companies_at_once_are_refused() -> None:
    line = f"Revenues {year(2024)} 5 10-K 2025-02-01"
    with pytest.raises(ConfigError, match="those of 2 companies"):
        series(pa.concat_tables([reports(line), reports(line, cik=2)]), "revenue")


def test_of_no_facts_there_is_no_series() -> None:
    assert known(FACTS.empty_table()).table().num_rows == 0


@real
def test_apple_over_the_years() -> None:
    """Figures of its annual reports."""
    facts = facts_of(320193)
    found = dict(values(series(facts, "revenue")))
    assert found["2024-09-28"] == "391035000000"
    assert found["2009-09-26"] == "42905000000"
    then = dict(values(series(facts, "revenue", as_of=date(2010, 1, 24))))
    assert then["2009-09-26"] == "36537000000"
    row = series(facts, "revenue", per="quarterly", as_of=date(2024, 11, 1)).to_pylist()[-1]
    # fiscal 2024 less nine months: 391,035 - 296,105
    assert (row["value_text"], row["basis"]) == ("94930000000", "difference")
    assert (row["fiscal_year"], row["fiscal_period"]) == (2024, "Q4")


@real
def test_the_fiscal_year_is_that_of_the_fact_and_not_of_the_filing() -> None:
    """The report of fiscal 2024 says fy = 2024 on all three years that it holds."""
    rows = series(facts_of(320193), "revenue", as_of=date(2024, 12, 1)).to_pylist()
    assert [row["fiscal_year"] for row in rows[-3:]] == [2022, 2023, 2024]


@real
def test_a_year_that_ends_in_january() -> None:
    rows = series(facts_of(1640147), "net_income", per="quarterly").to_pylist()
    found = {(row["fiscal_year"], row["fiscal_period"]): row["value_text"] for row in rows}
    assert found[2025, "Q1"] == "-316988000"  # three months to 2024-04-30
    assert found[2025, "Q4"] == "-327474000"  # the year less nine months


@real
def test_a_filer_of_ifrs() -> None:
    found = known(facts_of(1997711))
    assert found.currency == "USD"
    assert dict(values(found.table(["revenue"])))["2024-12-31"] == "43862372"
    assert dict(values(found.table(["net_income"])))["2024-12-31"] == "-29285428"
    assert dict(values(found.table(["assets"])))["2023-12-31"] == "590825310"
