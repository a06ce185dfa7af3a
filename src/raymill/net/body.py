"""The body of an answer: unpacked piece by piece, within a bound, and whole or not at all."""

import zlib

from raymill.net.failures import BodyBroken, BodyTooLarge

PIECE = 1 << 20
_GZIP = 31  # zlib's window, with the head and checksum of gzip


class Plain:
    """A body that is not packed."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes

    def feed(self, data: bytes) -> list[bytes]:
        """The bytes that this piece adds. Raises BodyTooLarge."""
        self._left -= len(data)
        if self._left < 0:
            raise BodyTooLarge
        return [data]

    def finish(self) -> None:
        """Nothing can lack: the transport counts the bytes."""


class Gunzip:
    """A body packed with gzip; one that breaks off is an error, whatever its length claims."""

    def __init__(self, most_bytes: int) -> None:
        self._plain = Plain(most_bytes)
        self._member = zlib.decompressobj(_GZIP)
        self._fed = False

    def feed(self, data: bytes) -> list[bytes]:
        """The bytes that this piece adds. Raises BodyBroken, BodyTooLarge."""
        self._fed = self._fed or bool(data)
        found: list[bytes] = []
        more = bool(data)
        while more:
            if self._member.eof:
                if not data.strip(b"\0"):
                    break  # padding behind the last member
                self._member = zlib.decompressobj(_GZIP)
            found += self._plain.feed(piece := self._piece(data))
            data = self._member.unconsumed_tail or self._member.unused_data
            more = bool(data) or len(piece) == PIECE  # a full piece may leave some inside
        return found

    def _piece(self, data: bytes) -> bytes:
        try:
            return self._member.decompress(data, PIECE)
        except zlib.error as error:
            raise BodyBroken(f"gzip data is damaged: {error}") from error

    def finish(self) -> None:
        """Check that the last member is whole. Raises BodyBroken."""
        if self._fed and not self._member.eof:
            raise BodyBroken("gzip data breaks off")


def unpacker(encoding: str, most_bytes: int) -> Plain | Gunzip:
    """What unpacks a `Content-Encoding`. Raises BodyBroken for one that was not asked for."""
    match encoding.strip().lower():
        case "" | "identity":
            return Plain(most_bytes)
        case "gzip" | "x-gzip":
            return Gunzip(most_bytes)
    raise BodyBroken(f"the body is packed as `{encoding}`, which was not asked for")
