import pytest

from raymill import faults


def fail() -> None:
    raise OSError("disk full")


def test_a_fault_point_does_nothing_unless_it_is_armed() -> None:
    reached: list[str] = []
    faults.arm("sink.close", lambda: reached.append("sink.close"))
    faults.point("sink.write")
    assert reached == []
    faults.point("sink.close")
    assert reached == ["sink.close"]


def test_an_armed_fault_point_fails_until_it_is_disarmed() -> None:
    faults.arm("sink.write", fail)
    with pytest.raises(OSError, match="disk full"):
        faults.point("sink.write")
    faults.point("sink.close")
    faults.disarm()
    faults.point("sink.write")
