from raymill.tasks.noop import Noop
from tasks.recut import run


def test_every_record_passes_as_it_is() -> None:
    records = [{"value": 1, "text": None}, {"value": None, "text": "x"}]
    found = run(Noop, records, [1])
    assert found.records == records
    assert found.counts.answered == 2
