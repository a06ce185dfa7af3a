"""A small server on this machine, in the place of the SEC's for the length of the demo."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Answers from a table, counts what it is asked for, and tells of each request."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answers: Mapping[str, bytes], asked: Callable[[str], None]) -> None:
        self.answers, self.asked, self.counts = answers, asked, Counter[str]()
        super().__init__(("127.0.0.1", 0), _Connection)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is nothing to tell of."""


class _Connection(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.counts[self.path] += 1
        self.server.asked(self.path)
        body = self.server.answers.get(self.path)
        kind = "application/json" if self.path.endswith(".json") else "text/html"
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the requests are counted."""


@contextmanager
def serving(answers: Mapping[str, bytes], asked: Callable[[str], None]) -> Iterator[Server]:
    """A server for as long as it is used."""
    server = Server(answers, asked)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
