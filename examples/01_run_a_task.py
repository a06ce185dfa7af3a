"""Run a task that is built in: smooth a noisy sensor, one number a line in, one out."""

from pathlib import Path
from tempfile import TemporaryDirectory

from raymill.engines.standalone import StandaloneRunner

READINGS = [25.5, 30.2, 24.8, 26.1, 23.9, 25.3, 27.5, 25.0, 24.7, 25.8]  # about 25, with two spikes

with TemporaryDirectory() as folder:
    source, target = Path(folder) / "sensor.txt", Path(folder) / "smooth.txt"
    source.write_text("".join(f"{reading}\n" for reading in READINGS))

    totals = StandaloneRunner("kalman_filter", {"q": 0.01, "r": 1.0}).run_file(source, target)

    print("  raw  smoothed")
    for raw, smooth in zip(READINGS, target.read_text().split(), strict=True):
        print(f"{raw:5.1f}  {float(smooth):8.2f}")
    print(f"{totals['total_records']} records in, {totals['valid_results']} out")
