"""Records kept in memory."""

import pyarrow as pa
import pytest

from raymill.connectors.memory import MemorySink
from raymill.errors import ConfigError, SinkError
from raymill.flow.sink import Mark

BATCH = pa.record_batch({"a": [1, None], "b": ["x", "y"]})


def test_records_are_appended_to_the_list_that_was_given() -> None:
    records: list[object] = ["before"]
    sink = MemorySink(records)
    sink.open(BATCH.schema)
    sink.write(sink.encode(BATCH))
    sink.close()
    assert records == ["before", {"a": 1, "b": "x"}, {"a": None, "b": "y"}]
    assert sink.bytes_written() == BATCH.nbytes


def test_batches_are_kept_as_they_are() -> None:
    sink = MemorySink(batches=True)
    sink.open(BATCH.schema)
    sink.write(sink.encode(BATCH))
    assert sink.records == [BATCH]


def test_memory_does_not_resume() -> None:
    sink = MemorySink()
    assert not sink.resumable
    with pytest.raises(SinkError, match="Records in memory cannot be resumed"):
        sink.mark()
    with pytest.raises(SinkError):
        sink.open(BATCH.schema, Mark({}))


def test_an_unknown_option_is_told() -> None:
    with pytest.raises(ConfigError, match="Unknown option of format `memory` `batch`"):
        MemorySink(batch=True)
