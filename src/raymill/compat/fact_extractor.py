"""`extract_top_facts` and `save_facts_to_parquet`: a short list of the facts of one document."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill.filings.export import write_facts
from raymill.filings.extract import extract_file
from raymill.filings.standard import standardise
from raymill.filings.tickers import ticker as checked_ticker

MOST = 10
COLUMNS = ("fact", "value")


def extract_top_facts(path: str | Path) -> list[dict[str, str]]:
    """The newest value of the first ten standard metrics that a document reports.

    Each is `{"fact": concept, "value": the exact number as text}`, revenue first. All facts, with
    units and periods, are what `raymill.filings.extract_file` gives. Raises InputError, DataError.
    """
    newest: dict[str, dict[str, Any]] = {}
    for row in standardise(extract_file(str(path)).facts).to_pylist():
        if row["value_text"] is None:
            continue
        before = newest.setdefault(row["metric"], row)
        if _rank(row) > _rank(before):
            newest[row["metric"]] = row
    rows = list(newest.values())[:MOST]
    return [{"fact": row["concept"], "value": row["value_text"]} for row in rows]


def save_facts_to_parquet(
    ticker: str, facts: Iterable[Mapping[str, str]], output_dir: str | Path
) -> str:
    """Write such a list as `<TICKER>_facts.parquet`, whole or not at all. Gives its path.

    Raises ConfigError where the ticker is none, SinkError.
    """
    rows = [{name: str(fact[name]) for name in COLUMNS} for fact in facts]
    table = pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in COLUMNS]))
    return write_facts(Path(output_dir) / f"{checked_ticker(ticker)}_facts.parquet", table)


def _rank(row: Mapping[str, Any]) -> tuple[date, int, date, date]:
    """The newer period is better, then the better concept, the shorter period, the newer report."""
    start = row["start"] or row["end"]
    return row["end"], -row["priority"], start, row["filed"] or date.min
