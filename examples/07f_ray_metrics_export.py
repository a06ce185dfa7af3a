"""What a run counted, as JSON and as CSV. `07f_ray_metrics_export.py [ACTORS]`."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from raymill.engines.ray import RayRunner

if __name__ == "__main__":
    actors = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with TemporaryDirectory() as folder, RayRunner(num_actors=actors) as runner:
        runner.run_stream("kalman_filter", [21.0, "n/a", 21.4, None, 20.9])

        runner.export_metrics(Path(folder) / "metrics.json")
        runner.export_metrics(Path(folder) / "metrics.csv")

        metrics = json.loads((Path(folder) / "metrics.json").read_text())
        print(f"failed: {metrics['failed']}")
        for actor in metrics["actor_metrics"]:
            print(f"actor {actor['actor']}: {actor['total_processed']} processed")
        print("".join((Path(folder) / "metrics.csv").read_text().splitlines(keepends=True)[:5]))
