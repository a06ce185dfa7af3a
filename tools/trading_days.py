"""Writes the table of trading days that raymill ships, from the library of exchange calendars.

python tools/trading_days.py
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CALENDARS = ("XNYS",)
FIRST, LAST = "1990-01-01", "2030-12-31"
PLACE = Path(__file__).parents[1] / "src" / "raymill" / "market" / "trading_days.parquet"
MINUTE_NS = 60_000_000_000


def trading_days() -> pa.Table:
    """A row for each session: its day, and the minutes of that day (UTC) it opens and closes at."""
    import exchange_calendars

    tables = []
    for name in CALENDARS:
        found = exchange_calendars.get_calendar(name, start=FIRST, end=LAST)
        days = found.sessions.to_numpy("datetime64[D]")
        midnights = days.astype("datetime64[ns]").astype("int64")
        minutes = [
            (times.to_numpy("datetime64[ns]").astype("int64") - midnights) // MINUTE_NS
            for times in (found.opens, found.closes)
        ]
        columns = [pa.array(days, pa.date32()), *(pa.array(one, pa.int16()) for one in minutes)]
        calendar = pa.repeat(pa.scalar(name), len(days))
        tables.append(pa.table([calendar, *columns], ["calendar", "day", "opens", "closes"]))
    return pa.concat_tables(tables)


def main() -> None:
    """Write the table."""
    delta = {"day": "DELTA_BINARY_PACKED"}
    pq.write_table(
        trading_days(),
        PLACE,
        compression="zstd",
        use_dictionary=["calendar", "opens", "closes"],
        column_encoding=delta,
    )


if __name__ == "__main__":
    main()
