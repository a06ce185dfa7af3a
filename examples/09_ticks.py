"""Ticks are records: tasks of raymill run on prices, live ones as they come and stored ones later.

The prices are simulated: nothing in them was ever paid.
"""

import os
from itertools import islice
from tempfile import TemporaryDirectory

from raymill import read, run
from raymill.app.market import ticks

BEGIN = 1_704_067_200_000_000  # 2024-01-01 as microseconds since 1970
HOUR = 3_600_000_000
SYMBOLS = ["SIM1/USD", "SIM2/USD"]


def smoothed(source: object) -> dict[object, list[object]]:
    """The mean of every twelve ticks of a symbol, each smoothed before."""
    found: list[dict[str, object]] = []
    stream = read(source).then("kalman_filter", field="price", key="symbol", as_="smooth", q=0.01)
    means = stream.then("block_window_average", field="smooth", key="symbol", as_="mean", window=12)
    run(means.write(found))
    return {symbol: [row["mean"] for row in found if row["symbol"] == symbol] for symbol in SYMBOLS}


with TemporaryDirectory() as home:
    os.environ["RAYMILL_HOME"] = home
    with ticks.live("simulated", SYMBOLS, start_us=BEGIN, speed=3600) as coming:
        live = smoothed(islice(coming, 1440))
    table = ticks.stored("simulated", SYMBOLS, BEGIN, BEGIN + HOUR)
    stored = smoothed(table)

print(f"{table.num_rows:,} ticks of one hour are stored: {', '.join(table.column_names)}")
for symbol, means in stored.items():
    print(f"{symbol}: {len(means)} means of a minute, {means[0]:.2f} to {means[-1]:.2f}")
pairs = [pair for symbol in SYMBOLS for pair in zip(live[symbol], stored[symbol], strict=False)]
same = all(now == later for now, later in pairs)
print("the same as they came:", "yes" if same and len(pairs) > 60 else "no")
