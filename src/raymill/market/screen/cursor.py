"""Where a listing goes on: the snapshot, the request, and how many rows were shown.

It can be carried from one process to another. The check in it finds damage; a cursor opens nothing
that its holder could not ask for anyway.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from raymill.market.screen.refusals import refusal


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the rows that match a request in a snapshot."""

    snapshot: str
    digest: str
    position: int

    def text(self) -> str:
        """The cursor as a word."""
        body = f"{self.snapshot} {self.digest} {self.position}"
        return base64.urlsafe_b64encode(f"{body} {_check(body)}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """Read a cursor. Raises ConfigError where it is damaged."""
    try:
        filled = text + "=" * (-len(text) % 4)
        body, _, check = (
            base64.b64decode(filled, altchars=b"-_", validate=True).decode("ascii").rpartition(" ")
        )
        snapshot, digest, position = body.split(" ")
        if check == _check(body) and Cursor(snapshot, digest, int(position)).text() == text:
            return Cursor(snapshot, digest, int(position))
    except (binascii.Error, ValueError):
        pass
    raise refusal("cursor", "is damaged", "take `next_cursor` of an answer as it is")


def _check(body: str) -> str:
    return hashlib.blake2b(body.encode(), digest_size=6, person=b"raymill.cursor").hexdigest()
