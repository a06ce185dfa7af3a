"""A task of an installed package, by its name: `pip install .`, then `python use_it.py`."""

from typing import Any

from raymill import read, run

records = [
    {"place": "quay", "temperature": -10.0, "wind": 30.0},
    {"place": "hall", "temperature": 18.0, "wind": 0.0},
]
found: list[dict[str, Any]] = []
run(read(records).then("wind_chill").write(found))
for record in found:
    print(f"{record['place']}: {record['temperature']} feels like {record['feels_like']:.1f}")
