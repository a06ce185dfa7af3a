import pytest

from raymill.tasks.pi_by_viete import pi_by_viete


# The original's results for 1, 2, 5 and 1600 (float32)
@pytest.mark.parametrize(
    ("iters", "value"), [(1, 2.828427), (2, 3.0614674), (5, 3.1403313), (1600, 3.1415927)]
)
def test_pi_by_so_many_roots(iters: int, value: float) -> None:
    assert pi_by_viete(iters=iters) == pytest.approx(value, rel=3e-7)


def test_the_result_is_added_to_each_record() -> None:
    found = pi_by_viete.try_out([{"x": 1}, {"x": 2}], iters=5)
    assert [record["x"] for record in found] == [1, 2]
    assert found[0]["value"] == found[1]["value"] == pytest.approx(3.1403313, rel=3e-7)
