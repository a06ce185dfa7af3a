"""A window for each of several sensors, on Ray: every key has one owner, whatever the order.

`07c_ray_stateful_window.py [ACTORS]`
"""

import sys

from raymill.engines.ray import RayRunner

SENSORS = ("cellar", "attic", "garden")

if __name__ == "__main__":
    actors = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    readings = [
        {"sensor": SENSORS[number % 3], "temperature": 10.0 * (number % 3) + number // 3}
        for number in range(18)
    ]
    config = {"window": 3, "key": "sensor", "field": "temperature", "as_": "mean"}
    with RayRunner(num_actors=actors) as runner:
        found = runner.run_stream("block_window_average", readings, config)
    for number, result in enumerate(found["results"]):
        if result is not None:
            print(f"reading {number:2}: mean of three at {result['sensor']}: {result['mean']:.1f}")
    metrics = found["metrics"]
    print(f"{metrics['none_filtered']} readings wait in windows, {metrics['valid_results']} answer")
