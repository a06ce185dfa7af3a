"""Ray, the basics: a file goes through a task on several actors. `07a_ray_basic.py [ACTORS]`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from raymill.engines.ray import RayRunner
from raymill.tasks import KalmanFilterTask

READINGS = [25.5, 30.2, 24.8, 26.1, 23.9, 25.3, 27.5, 25.0, 24.7, 25.8]

if __name__ == "__main__":
    actors = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with TemporaryDirectory() as folder, RayRunner(num_actors=actors) as runner:
        source, target = Path(folder) / "sensor.txt", Path(folder) / "filtered.txt"
        source.write_text("".join(f"{reading}\n" for reading in READINGS))

        metrics = runner.run_file(KalmanFilterTask(q=0.01, r=1.0), source, target)

        for raw, smooth in zip(READINGS, target.read_text().split(), strict=True):
            print(f"{raw:5.1f}  {float(smooth):6.2f}")
        print(f"{metrics['processed_records']} records by {metrics['num_actors']} actor(s)")
