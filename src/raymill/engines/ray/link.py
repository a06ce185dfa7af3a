"""The connection of a pool to Ray: a process that can be lost and started again."""

import socket
import subprocess
import sys
import time

from raymill.engines.ray.line import Line

CONNECT_S = 180.0  # for Ray to start or to be reached
CLOSE_S = 6.0  # for the process to disconnect
CODE = (
    "import sys; from raymill.engines.ray.driver import main; "
    "main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))"
)


class Link:
    """The process that is connected to Ray, and the line to it."""

    def __init__(self, address: str, most: int, join_s: float) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._begin(theirs, address, str(most), str(join_s))
        self.line = Line(ours)
        self.since = self.heard = self._asked = time.monotonic()
        self.host = ""
        """Under which address workers reach this process; empty until the cluster is there."""
        self.reason = "the process that is connected to it ended"
        """Why the cluster cannot be reached."""

    def _begin(self, end: socket.socket, *given: str) -> None:
        # Not as `-m`: Ray would put the folder of this module on the path of every worker.
        self._process = subprocess.Popen(
            [sys.executable, "-c", CODE, str(end.fileno()), *given],
            pass_fds=[end.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=2,  # Ray prints; records may go to standard output
            start_new_session=True,  # Ctrl-C is for the orchestrator to decide on
        )

    def is_silent(self, now: float, limit_s: float) -> bool:
        """Whether it has said nothing for so long, though it was asked to."""
        quiet = now - self.heard
        if not self.host:
            return quiet > CONNECT_S
        if quiet > limit_s / 4 and now - self._asked > limit_s / 4:
            self._asked = now
            self.line.send("ping")
        return quiet > limit_s

    def close(self, patience_s: float = CLOSE_S) -> None:
        """Disconnect, for certain."""
        self.line.close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
