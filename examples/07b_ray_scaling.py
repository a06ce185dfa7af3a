"""Ray with 1, 2, 4, 8 actors: the same results, another pace. `07b_ray_scaling.py [ACTORS ...]`.

More actors pay off where there are cores for them and each record is much work, as here. The pace
is that of the busiest actor: to start an actor takes seconds, once a run.
"""

import sys

from raymill.engines.ray import RayRunner, initialize_ray, shutdown_ray

RECORDS = 16_000

if __name__ == "__main__":
    counts = [int(text) for text in sys.argv[1:]] or [1, 2, 4, 8]
    results = []
    initialize_ray()
    for actors in counts:
        found = RayRunner(actors).run_stream("pi_by_viete", [0.0] * RECORDS, {"iters": 200})
        results.append(found["results"])
        busiest_s = max(one["total_time"] for one in found["metrics"]["actor_metrics"])
        pace = RECORDS / busiest_s
        print(f"{actors} actor(s): {pace:10,.0f} records/s; pi is about {results[-1][0]:.6f}")
    shutdown_ray()
    print(f"same results each time: {'yes' if all(r == results[0] for r in results) else 'no'}")
