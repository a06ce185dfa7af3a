"""Items in memory: a result for each, None where there is none. `07g_ray_stream.py [ACTORS]`."""

import sys

from raymill.engines.ray import RayRunner, create_ray_actor

if __name__ == "__main__":
    import ray

    actors = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    items = [20.0, 20.5, "broken", 21.0, 60.0, 21.2]
    with RayRunner(num_actors=actors) as runner:
        found = runner.run_stream("kalman_filter", items, {"q": 0.01})
        for item, result in zip(items, found["results"], strict=True):
            print(f"{item!s:>7} -> {'none' if result is None else format(result, '.2f')}")
        print(f"{found['metrics']['valid_results']} results, {found['metrics']['errors']} error")

        print("one actor, asked item by item:")
        actor = create_ray_actor("kalman_filter", {"q": 0.01})
        for item in items[:2]:
            print(f"{item!s:>7} -> {ray.get(actor.process.remote(item)):.2f}")
