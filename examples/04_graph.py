"""A graph: one reading of the source, two branches, a join, two sinks.

The slow and the fast smoothing of the same readings are brought together again, record by record,
and where they lie far apart the sea is changing quickly.
"""

from typing import Any

from raymill import read, run, task
from raymill.app.demo.sample import sample_file

WATER, TIME = "temperature (celsius)", "time (UTC)"


@task(output="change")
def difference(fast: float, slow: float) -> float:
    """How far the fast curve is ahead of the slow one."""
    return fast - slow


source = read(sample_file("sea_surface_temperature.csv.gz"))
fast = source.then("kalman_filter", field=WATER, as_="fast", q=0.01, r=0.05)
slow = source.then("kalman_filter", field=WATER, as_="slow", q=0.00001, r=0.05)
changes = fast.join(slow).then(difference)
weeks = changes.window("spread", seconds=7 * 86_400, field="change", time=TIME, as_="spread")

readings: list[dict[str, Any]] = []
by_week: list[dict[str, Any]] = []
run(changes.write(readings) + weeks.select(TIME, "spread").write(by_week))

warmest = max(readings, key=lambda one: float(one["change"]))
coldest = min(readings, key=lambda one: float(one["change"]))
print(f"{len(readings):,} readings, {len(by_week)} weeks")
print(f"warming fastest: {warmest[TIME]}, {warmest['change']:+.2f} degrees ahead")
print(f"cooling fastest: {coldest[TIME]}, {coldest['change']:+.2f} degrees ahead")
for week in sorted(by_week, key=lambda one: -float(one["spread"]))[:3]:
    print(f"restless week before {week[TIME][:10]}: spread {week['spread']:.2f} degrees")
