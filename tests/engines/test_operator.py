"""What becomes of the rows that a task answered: counted, kept, written up."""

from typing import Any

import numpy as np
import pyarrow as pa

from raymill.engines.clean import Asked
from raymill.engines.operator import Counts, Table, complete, make_batch
from raymill.flow import Answer, Fail, Port, Rows, Skip, Spec, State, Task
from raymill.flow.outcome import BAD_INPUT, HELD, RAISED
from raymill.flow.plan import Bound

COLD, BROKEN = Skip("cold"), Fail("broken")


class Given(Task):
    """Adds a column."""

    def spec(self) -> Spec:
        return Spec(
            {"v": Port()}, pa.schema([("w", pa.float64())]), outcomes=(COLD, BROKEN), silent=True
        )

    def apply(self, rows: Rows, state: State | None) -> Answer:
        raise NotImplementedError


BATCH = pa.record_batch({"n": [0, 1, 2, 3, 4], "v": [0.0, 1.0, 2.0, 3.0, 4.0]})
SCHEMA = pa.schema([("n", pa.int64()), ("v", pa.float64()), ("w", pa.float64())])


def done(answer: Answer, asked: Asked | None = None, **table: Any) -> tuple[Any, Counts, list[Any]]:
    node = Bound(1, "task", "given", (0,), SCHEMA, Given(), Given().spec(), outputs={"w": "w"})
    asked = asked or Asked({}, 5)
    out, counts, letters = complete(node, Table(BATCH, **table), asked, answer)
    return out, counts, [(one.row, one.reason, one.record["n"]) for one in letters]


def codes(*values: int) -> Any:
    return np.array(values, np.uint8)


def test_all_emitted() -> None:
    out, counts, letters = done(Answer({"w": np.arange(5.0)}))
    assert out.batch.column("w").to_pylist() == [0, 1, 2, 3, 4]
    assert out.origin is None
    assert (counts.records_in, counts.answered, counts.records_out) == (5, 5, 5)
    assert letters == []


def test_every_code_is_counted_and_only_the_emitted_go_on() -> None:
    answer = Answer({"w": np.arange(5.0)}, codes(0, 1, 2, HELD, 0))
    out, counts, letters = done(answer)
    assert out.batch.to_pydict() == {"n": [0, 4], "v": [0.0, 4.0], "w": [0.0, 4.0]}
    assert out.origin.tolist() == [0, 4]
    assert (counts.answered, counts.held, counts.skipped, counts.failed) == (
        2,
        1,
        {"cold": 1},
        {"broken": 1},
    )
    assert letters == [(2, "broken", 2)]


def test_reasons_that_only_the_answer_knows() -> None:
    late = Skip("late")
    _, counts, _ = done(Answer({"w": np.arange(5.0)}, codes(1, 1, 0, 0, 2), outcomes=(late, COLD)))
    assert counts.skipped == {"late": 2, "cold": 1}


def test_what_a_task_raised_is_the_reason() -> None:
    answer = Answer({"w": np.arange(5.0)}, codes(RAISED, RAISED, BAD_INPUT, 7, 0), errors={1: "oh"})
    _, _, letters = done(answer)
    assert letters == [
        (0, "the task raised an error", 0),
        (1, "oh", 1),
        (2, "bad input", 2),
        (3, "undeclared outcome 7", 3),
    ]


def test_rows_that_were_set_aside_are_failed_and_numbers_are_those_of_the_batch() -> None:
    asked = Asked({}, 3, np.array([0, 2, 4]), {1: "`v` is null", 3: "`v` is NaN"})
    out, counts, letters = done(Answer({"w": np.array([7.0, 8.0, 9.0])}, codes(0, 2, 0)), asked)
    assert out.batch.column("n").to_pylist() == [0, 4]
    assert out.batch.column("w").to_pylist() == [7.0, 9.0]
    assert letters == [(1, "`v` is null", 1), (2, "broken", 2), (3, "`v` is NaN", 3)]
    assert counts.failed == {"`v` is null": 1, "`v` is NaN": 1, "broken": 1}


def test_several_outputs_of_rows_between_those_set_aside() -> None:
    asked = Asked({}, 2, np.array([1, 3]), {0: "x", 2: "x", 4: "x"})
    out, counts, _ = done(Answer({"w": np.array([1.0, 2.0])}, rows=np.array([1, 1])), asked)
    assert out.batch.to_pydict() == {"n": [3, 3], "v": [3.0, 3.0], "w": [1.0, 2.0]}
    assert out.origin.tolist() == [3, 3]
    assert (counts.answered, counts.records_out) == (2, 2)


def test_slots_and_origins_are_filtered_with_the_rows() -> None:
    slots = {(1, ("n",)): np.array([5, 6, 7, 8, 9], np.int32)}
    origin = np.array([10, 10, 11, 12, 13])
    answer = Answer({"w": np.arange(5.0)}, codes(0, 1, 0, 1, 0))
    out, _, letters = done(answer, slots=slots, origin=origin)
    assert out.origin.tolist() == [10, 11, 13]
    assert out.slots[1, ("n",)].tolist() == [5, 7, 9]
    assert letters == []


def test_slots_of_a_key_that_is_written_over_are_forgotten() -> None:
    out, _, _ = done(Answer({"w": np.arange(5.0)}), slots={(1, ("w",)): np.zeros(5, np.int32)})
    assert out.slots == {}


def test_a_letter_is_of_the_row_that_it_comes_from() -> None:
    _, _, letters = done(
        Answer({"w": np.arange(5.0)}, codes(0, 0, 2, 0, 0)), origin=np.array([0, 0, 3, 3, 9])
    )
    assert letters == [(3, "broken", 2)]


def test_records_without_columns_are_counted_still() -> None:
    assert make_batch([], pa.schema([]), 3).num_rows == 3
