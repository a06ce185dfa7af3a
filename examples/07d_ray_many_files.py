"""Many files, each for itself, by the same actors. `07d_ray_many_files.py [ACTORS]`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from raymill.engines.ray import RayRunner

if __name__ == "__main__":
    actors = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with TemporaryDirectory() as folder, RayRunner(num_actors=actors) as runner:
        place = Path(folder)
        for day in range(1, 4):
            lines = "".join(f"{20 + day + hour % 5}\n" for hour in range(24))
            (place / f"day-{day}.txt").write_text(lines)

        inputs = sorted(place.glob("day-*.txt"))
        metrics = runner.run_batch("block_window_average", inputs, place / "means", {"window": 12})

        for path in sorted((place / "means").iterdir()):
            print(f"{path.name}: {', '.join(path.read_text().split())}")
        print(f"{metrics['files_processed']} files, {metrics['total_records']} records")
