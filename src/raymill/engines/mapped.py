"""Values that several processes look at: pickled into a file without a name, whose arrays are
mapped and not copied. It is gone with the last process that has it open, however that ends."""

import io
import mmap
import os
import pickle
import struct
import tempfile
from types import FunctionType
from typing import Any

from raymill.errors import ConfigError

COUNT = struct.Struct("<Q")
ALIGNED = 64


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        """Refuse what only this process has; pickle would not notice."""
        if isinstance(thing, type | FunctionType) and thing.__module__ == "__main__":
            raise pickle.PicklingError(f"`{thing.__qualname__}` lies in no module")
        return NotImplemented


def lay_out(value: Any) -> int:
    """Write a value into a file without a name; gives its handle. Raises ConfigError."""
    buffers: list[pickle.PickleBuffer] = []
    body = io.BytesIO()
    try:
        _Pickler(body, protocol=5, buffer_callback=buffers.append).dump(value)
    except Exception as error:  # whatever a class of the user's makes of it
        raise ConfigError(
            f"`{type(value).__name__}` cannot be handed to other processes: {error}",
            hint="put what it is made of into a module or a file, at the top level",
        ) from error
    parts = [body.getbuffer(), *(one.raw() for one in buffers)]
    sizes = [len(parts), *(part.nbytes for part in parts)]
    handle = _nameless()
    with os.fdopen(os.dup(handle), "wb") as file:
        file.write(b"".join(COUNT.pack(size) for size in sizes))
        for part in parts:
            file.write(bytes(-file.tell() % ALIGNED))
            file.write(part)
    return handle


def look_at(handle: int) -> Any:
    """The value in such a file; its arrays are read-only, and lie where all processes see them."""
    mapped = memoryview(mmap.mmap(handle, 0, prot=mmap.PROT_READ))
    count = COUNT.unpack_from(mapped)[0]
    sizes = [COUNT.unpack_from(mapped, COUNT.size * (1 + one))[0] for one in range(count)]
    at, parts = COUNT.size * (1 + count), []
    for size in sizes:
        at += -at % ALIGNED
        parts.append(mapped[at : at + size])
        at += size
    return pickle.loads(parts[0], buffers=parts[1:])


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("raymill")
    handle, path = tempfile.mkstemp(prefix="raymill-")
    os.unlink(path)
    return handle
