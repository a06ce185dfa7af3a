"""Windows by event time: a reading belongs to the minute in which it was taken, not seen.

Sensor `b` sends late. With `late=30` a minute stays open for half a minute more of its sensor's own
time; what comes behind that is skipped and counted.
"""

from typing import Any

from raymill import read, run

READINGS = [  # sensor, second, value
    ("a", 10, 20.0),
    ("b", 20, 5.0),
    ("a", 50, 22.0),
    ("b", 70, 7.0),
    ("b", 40, 6.0),  # 30 s late: still in time
    ("a", 65, 30.0),
    ("a", 130, 31.0),
    ("b", 150, 8.0),
    ("b", 55, 99.0),  # 95 s late: too late
]
records = [
    {"sensor": sensor, "at": second * 1000, "value": value} for sensor, second, value in READINGS
]

found: list[dict[str, Any]] = []
minutes = read(records).window("mean", seconds=60, late=30, key="sensor", time="at", flush=True)
report = run(minutes.write(found))

for row in sorted(found, key=lambda one: (one["sensor"], one["window_start"])):
    begin, end = row["window_start"] // 1000, row["window_end"] // 1000
    print(f"sensor {row['sensor']}, second {begin:3} to {end:3}: mean {row['value']:5.1f}")
print(f"skipped: {dict(report.metrics.total.skipped)}")
