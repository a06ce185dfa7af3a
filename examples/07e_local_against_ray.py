"""The local engine against Ray: the same answer; on one machine the local engine is the faster one.

`07e_local_against_ray.py [ACTORS]`
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from raymill.engines.ray import RayRunner
from raymill.engines.standalone import StandaloneRunner

RECORDS = 200_000

if __name__ == "__main__":
    actors = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with TemporaryDirectory() as folder, RayRunner(num_actors=actors) as runner:
        place = Path(folder)
        lines = (f"{20 + (number * 7919 % 1000) / 500}\n" for number in range(RECORDS))
        (place / "sensor.txt").write_text("".join(lines))

        local = StandaloneRunner("kalman_filter").run_file(place / "sensor.txt", place / "a.txt")
        on_ray = runner.run_file("kalman_filter", place / "sensor.txt", place / "b.txt")

        print(f"local: {local['throughput']:12,.0f} records/s")
        print(
            f"Ray:   {on_ray['throughput']:12,.0f} records/s, start of {actors} actor(s) included"
        )
        same = (place / "a.txt").read_bytes() == (place / "b.txt").read_bytes()
        print(f"same bytes: {'yes' if same else 'no'}")
