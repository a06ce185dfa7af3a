"""Writing one batch through a sink, for the tests of single formats."""

from pathlib import Path

import pyarrow as pa

from raymill.connectors.file_sink import FileSink


def through(sink: FileSink, *batches: pa.RecordBatch) -> bytes:
    """Write batches and give the bytes of the finished file."""
    sink.open(batches[0].schema)
    for batch in batches:
        sink.write(sink.encode(batch))
    sink.close()
    return Path(sink.path).read_bytes()
