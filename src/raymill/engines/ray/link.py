"""The connection of a pool to Ray: a process that can be lost and started again."""

import socket
import subprocess
import sys

from raymill.engines.ray.line import Line

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
            handle = theirs.fileno()
            # Not as `-m`: Ray would put the folder of this module on the path of every worker.
            self._process = subprocess.Popen(
                [sys.executable, "-c", CODE, str(handle), address, str(most), str(join_s)],
                pass_fds=[handle],
                stdin=subprocess.DEVNULL,
                stdout=2,  # Ray prints; records may go to standard output
                start_new_session=True,  # Ctrl-C is for the orchestrator to decide on
            )
        self.line = Line(ours)
        self.host = ""
        """Under which address workers reach this process; empty until the cluster is there."""
        self.reason = "the process that is connected to it ended"
        """Why the cluster cannot be reached."""

    def close(self, patience_s: float = CLOSE_S) -> None:
        """Disconnect, for certain."""
        self.line.close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
