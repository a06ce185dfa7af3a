"""The process that is connected to Ray for a pool: it starts workers, and tells when one is gone.

It is a process of its own since Ray ends the process of a driver that has lost its cluster; the
orchestrator lives on and starts another one.
"""

import os
import queue
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from raymill.engines.ray.cluster import import_ray, start
from raymill.engines.ray.line import CHUNK, Frames, Message, packed
from raymill.engines.ray.steps import RayStepWorker

LOOK_S = 1.0
LEAVE_S = 4.0  # to disconnect; then the process ends without
HERE = "127.0.0.1"


def main(handle: int, address: str, most: int, join_s: float) -> None:
    """Serve the pool at the other end of a socket until it hangs up.

    most: how many workers it will have; join_s: how long to wait for a node that can hold one.
    """
    is_alone = address == "local"
    end = socket.socket(fileno=handle)
    driver = Driver(end, most, 0.0 if is_alone else join_s, is_alone=is_alone)
    threading.Thread(target=driver.listen, daemon=True).start()
    try:
        ray = import_ray()
        start(ray, address)  # in the main thread: the local cluster dies with it
    except Exception as error:  # also what Ray raises of its own, such as of a wrong token
        driver.tell("away", f"{type(error).__name__}: {error}")
        return
    driver.serve(ray)
    ray.shutdown()
    os._exit(0)


@dataclass(slots=True)
class Started:
    """An actor, and until when nodes may join that can hold it, if none can."""

    actor: Any
    demand: dict[str, float]
    patience: float | None


class Driver:
    """Starts and kills the actors of a pool."""

    def __init__(self, end: socket.socket, most: int, join_s: float, *, is_alone: bool) -> None:
        self._end, self._most, self._join_s, self._is_alone = end, most, join_s, is_alone
        self._events: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._actors: dict[int, Started] = {}
        self._ray: Any = None

    def listen(self) -> None:
        """Hand on what the pool says; in a thread of its own."""
        frames = Frames()
        with suppress(OSError):
            while data := self._end.recv(CHUNK):
                for message in frames.feed(data):
                    self.take(message)
        self.take(None)
        if self._ray is not None:
            time.sleep(LEAVE_S)
        os._exit(1)  # whatever the other thread is at

    def take(self, message: Message | None) -> None:
        """Do something when its turn comes; None ends `serve`."""
        self._events.put(message)

    def serve(self, ray: Any) -> None:
        """Do what the pool says, and tell it what happens, until it is gone."""
        self._ray, self._remote = ray, ray.remote(RayStepWorker)
        self.tell("up", HERE if self._is_alone else ray.util.get_node_ip_address())
        while True:
            try:
                message = self._events.get(timeout=LOOK_S if self._unfit() else None)
            except queue.Empty:
                self.look()
                continue
            if message is None:
                return
            name, *values = message
            getattr(self, f"_on_{name}")(*values)

    def tell(self, *message: Any) -> None:
        """Tell the pool something; when it has hung up, `listen` knows."""
        with suppress(OSError):
            self._end.sendall(packed(message))

    def _on_ping(self) -> None:
        self.tell("pong")

    def _on_start(
        self, id: int, cpus: float, gpus: float, memory: int, host: str, port: int, token: bytes
    ) -> None:
        """cpus: below 0 for a share of the cluster."""
        demand = {"CPU": self._share() if cpus < 0 else cpus, "GPU": gpus, "memory": float(memory)}
        actor = self._remote.options(
            num_cpus=demand["CPU"],
            num_gpus=gpus,
            memory=memory or None,
            max_restarts=0,
            max_task_retries=0,
        ).remote()
        reference = actor.serve.remote(host, port, token)
        reference.future().add_done_callback(
            lambda done: self.take(("ended", id, done.exception()))
        )
        self._actors[id] = Started(actor, demand, self._patience(demand))
        self.look()

    def _share(self) -> float:
        """So much of a CPU that all workers of the pool find room."""
        cores = float(self._ray.cluster_resources().get("CPU", 0.0))
        return min(1.0, cores / self._most) if cores else 1.0

    def _patience(self, demand: dict[str, float]) -> float | None:
        if self._fits(demand):
            return None
        return time.monotonic() + self._join_s

    def _fits(self, demand: dict[str, float]) -> bool:
        """Whether a node would be large enough if nothing else ran on it."""
        return any(
            all(node["Resources"].get(name, 0.0) >= value for name, value in demand.items())
            for node in self._ray.nodes()
            if node["Alive"]
        )

    def _unfit(self) -> list[int]:
        return [number for number, one in self._actors.items() if one.patience is not None]

    def look(self) -> None:
        """See whether nodes have joined that can hold what none could."""
        for number in self._unfit():
            one = self._actors[number]
            if self._fits(one.demand):
                one.patience = None
            elif one.patience is not None and time.monotonic() >= one.patience:
                self._on_kill(number)
                self.tell("unfit", number)

    def _on_kill(self, id: int) -> None:
        one = self._actors.pop(id, None)
        if one is not None:
            self._ray.kill(one.actor)

    def _on_ended(self, id: int, error: BaseException | None) -> None:
        self._on_kill(id)  # an actor whose call has ended still holds its resources
        kind = type(error).__name__ if error is not None else ""
        self.tell("over", id, kind, str(error or ""))
