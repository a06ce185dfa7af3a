"""Your own task in ten lines: the signature says what it reads, takes and adds."""

from typing import Annotated

from annotated_types import Gt

from raymill import read, run, task


@task(skip="too dry", output="dew_point")
def dew_point(
    temperature: float, humidity: float, *, least: Annotated[float, Gt(0)] = 1.0
) -> float | None:
    """The dew point in degrees Celsius, by the rule of thumb for humid air; skips dry air."""
    return temperature - (100.0 - humidity) / 5.0 if humidity >= least else None


print("called as the plain function that it is:", dew_point(20.0, 60.0))

records = [
    {"room": "cellar", "temperature": 14.0, "humidity": 90.0},
    {"room": "kiln", "temperature": 90.0, "humidity": 4.0},
    {"room": "attic", "temperature": 31.0, "humidity": None},
]
found: list[dict[str, object]] = []
report = run(read(records).then(dew_point, least=10.0).write(found), on_error="skip")
for record in found:
    print(record)
total = report.metrics.total
print(f"skipped: {dict(total.skipped)}, failed: {dict(total.failed)}")
