"""A cluster of several nodes on this machine, in a process of its own that does as it is told:
`python -m tests.engines.ray.nodes PORT`, then lines on standard input.

`up [CPUS]` starts the head, which runs no step without CPUs. `add NAME [BYTES]` adds a node with
two, which ends a worker when so much more memory of the machine is taken than now. `kill`, `freeze`
and `thaw NAME` send a signal to its raylet. `down` ends the whole cluster at once. Each line is
answered with one.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any


class Nodes:
    def __init__(self, port: int) -> None:
        self._port = port
        self._cluster: Any = None
        self._nodes: dict[str, Any] = {}

    def up(self, cpus: str = "0") -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": int(cpus), "gcs_server_port": self._port, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)

    def add(self, name: str, more: str = "") -> None:
        limit = _limit(int(more)) if more else {}
        os.environ.update(limit)
        self._nodes[name] = self._cluster.add_node(num_cpus=2)
        for variable in limit:
            del os.environ[variable]

    def _raylet(self, name: str) -> Any:
        return self._nodes[name].all_processes["raylet"][0].process

    def kill(self, name: str) -> None:
        process = self._raylet(name)
        process.kill()
        process.wait()  # one that is not reaped looks alive to its workers

    def freeze(self, name: str) -> None:
        self._raylet(name).send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self._raylet(name).send_signal(signal.SIGCONT)

    def down(self) -> None:
        nodes = [*self._nodes.values(), *filter(None, [self._cluster and self._cluster.head_node])]
        for node in nodes:
            for processes in node.all_processes.values():
                for one in processes:
                    with suppress(OSError):
                        one.process.kill()
                    one.process.wait()
        self._cluster, self._nodes = None, {}


def _limit(more: int) -> dict[str, str]:
    total, free = _of_memory("MemTotal"), _of_memory("MemAvailable")
    threshold = str((total - free + more) / total)
    return {"RAY_memory_usage_threshold": threshold, "RAY_memory_monitor_refresh_ms": "100"}


def _of_memory(name: str) -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def main() -> None:
    nodes = Nodes(int(sys.argv[1]))
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Ray prints
    for line in sys.stdin:
        name, *values = line.split()
        getattr(nodes, name)(*values)
        print("done", file=out, flush=True)
    nodes.down()


if __name__ == "__main__":
    main()
