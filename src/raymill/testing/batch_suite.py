"""What must hold for every pool of batches; a test class of a pool inherits it."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raymill.errors import ConfigError, EngineError, InputError
from raymill.flow.batches import BatchPool, Ended, place_of, spread
from raymill.testing.pool_suite import Unsayable

PATIENCE_S = 60.0


class Costly(Exception):
    """An error that is not made of what it says."""

    def __init__(self, amount: int, currency: str) -> None:
        super().__init__(f"costs {amount} {currency}")


def double(number: int) -> int:
    """Twice a number."""
    return 2 * number


def scaled(values: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """A shared array times an item."""
    return values * factor


def overwrite(values: NDArray[np.float64], item: int) -> None:
    """Write into a shared array."""
    values[item] = 0.0


def fail(message: str) -> None:
    """Raise an error that says something."""
    raise ZeroDivisionError(message)


def fail_if_odd(number: int) -> int:
    """Raise an error for every second item."""
    if number % 2:
        raise ConfigError(f"{number} is odd", hint="give an even one")
    return number


def fail_unsayably(_: Any) -> None:
    """Raise an error that cannot travel, and whose text cannot be made."""
    raise Unsayable


def fail_costly(amount: int) -> None:
    """Raise an error that cannot be made again from its pickle."""
    raise Costly(amount, "EUR")


def leave(_: Any) -> None:
    """Raise what ends a program."""
    raise SystemExit(3)


def unreadable(_: Any) -> Any:
    """Give what has no pickle."""
    return lambda: None


def be_killed(_: Any) -> None:
    """Be killed, as by the kernel."""
    os.kill(os.getpid(), signal.SIGKILL)


def be_killed_once(path: str) -> str:
    """Be killed, unless somebody was before: then tell what they left."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return "survived"
    os.close(handle)
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def wait_for(path: str) -> int:
    """Say which process this is, in a file, and wait until the file is gone."""
    with open(f"{path}.partial", "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    os.rename(f"{path}.partial", path)
    while os.path.exists(path):
        time.sleep(0.01)
    return os.getpid()


def number_of_process(_: Any) -> int:
    """Say which process this is."""
    return os.getpid()


def all_of(pool: BatchPool, *batches: int) -> dict[int, Ended]:
    """The ends of batches. Raises AssertionError after a minute."""
    found: dict[int, Ended] = {}
    until = time.monotonic() + PATIENCE_S
    while not set(batches) <= found.keys():
        assert time.monotonic() < until, f"only {found} ended"
        found |= {ended.batch: ended for ended in pool.results(1.0)}
    return found


def run(pool: BatchPool, function: Any, items: Sequence[Any], held: int | None = None) -> Ended:
    """Run one batch to its end."""
    batch = pool.submit(place_of(function), items, held)
    return all_of(pool, batch)[batch]


def appears(pool: BatchPool, path: Any) -> int:
    """Wait until a worker has said in a file which process it is."""
    until = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < until
        assert not pool.results(0.05)
    return int(path.read_text())


class BatchSuite:
    """Inherit it and give `lend(workers)`."""

    def lend(self, workers: int) -> AbstractContextManager[BatchPool]:
        """A pool of so many workers, for the time of a test."""
        raise NotImplementedError

    def test_each_item_has_an_answer_in_its_place(self) -> None:
        """Of each batch, whichever ends first."""
        with self.lend(2) as pool:
            assert pool.size == 2
            given = [list(range(at, at + 3)) for at in range(0, 30, 3)]
            batches = [pool.submit(place_of(double), items) for items in given]
            ended = all_of(pool, *batches)
            for batch, items in zip(batches, given, strict=True):
                assert ended[batch].fate == "done"
                assert [one.value for one in ended[batch].answers] == [2 * item for item in items]
                assert ended[batch].worker
                assert ended[batch].seconds >= 0
            assert pool.results(0.0) == []

    def test_a_value_that_was_put_is_there_for_all_and_read_only(self) -> None:
        """Its arrays are the same memory in each worker."""
        with self.lend(2) as pool:
            one, two = pool.put(np.arange(1000.0)), pool.put(np.ones(3))
            (answer,) = run(pool, scaled, [2.0], one).answers
            assert answer.value.tolist() == [2.0 * number for number in range(1000)]
            (other,) = run(pool, scaled, [3.0], two).answers
            assert other.value.tolist() == [3.0, 3.0, 3.0]
            (refused,) = run(pool, overwrite, [5], one).answers
            assert isinstance(refused.error, ValueError)
            assert "read-only" in str(refused.error)
            pool.drop(two)
            assert run(pool, scaled, [1.0], one).answers[0].value[999] == 999.0

    def test_an_error_comes_back_as_itself(self) -> None:
        """With its type, what it says, its hint, and where it was raised; others go on."""
        with self.lend(1) as pool:
            (answer,) = run(pool, fail, ["nothing to divide"]).answers
            assert type(answer.error) is ZeroDivisionError
            assert str(answer.error) == "nothing to divide"
            assert "in fail" in answer.error.__notes__[0]
            first, odd, last = run(pool, fail_if_odd, [2, 3, 4]).answers
            assert (first.value, last.value) == (2, 4)
            assert isinstance(odd.error, ConfigError)
            assert (odd.error.message, odd.error.hint) == ("3 is odd", "give an even one")

    def test_an_error_that_cannot_travel_is_told(self) -> None:
        """As is an answer that cannot; the worker stays."""
        with self.lend(1) as pool:
            told = [run(pool, fail_costly, [5]), run(pool, fail_unsayably, [5])]
            for ended, text in zip(told, ["Costly: costs 5 EUR", "Unsayable"], strict=True):
                assert isinstance(ended.answers[0].error, EngineError)
                assert text in str(ended.answers[0].error)
            assert isinstance(run(pool, leave, [1]).answers[0].error, SystemExit)
            assert "lambda" in str(run(pool, unreadable, [1]).answers[0].error)
            assert run(pool, double, [4]).answers[0].value == 8

    def test_a_function_that_is_not_there_is_an_error_of_its_items(self) -> None:
        """And of nothing else."""
        with self.lend(1) as pool:
            batch = pool.submit("raymill.no_such_module:run", [1, 2])
            errors = [one.error for one in all_of(pool, batch)[batch].answers]
            assert [type(error) for error in errors] == [InputError, InputError]
            assert run(pool, double, [4]).answers[0].value == 8

    def test_a_batch_whose_worker_is_killed_is_lost_and_no_other(self, tmp_path: Any) -> None:
        """kill -9 of a worker that is at one, while others wait for their turn."""
        with self.lend(1) as pool:
            path = tmp_path / "one"
            held, waiting = pool.submit(place_of(wait_for), [str(path)]), []
            number = appears(pool, path)
            waiting = [pool.submit(place_of(double), [item]) for item in range(3)]
            os.kill(number, signal.SIGKILL)
            ended = all_of(pool, held, *waiting)
            assert (ended[held].fate, ended[held].answers) == ("lost", ())
            assert ended[held].reason
            assert [ended[batch].answers[0].value for batch in waiting] == [0, 2, 4]

    def test_a_batch_that_is_taken_back_ends_at_once(self, tmp_path: Any) -> None:
        """Whether it has begun or not; the pool goes on."""
        with self.lend(1) as pool:
            path = tmp_path / "one"
            begun = pool.submit(place_of(wait_for), [str(path)])
            number = appears(pool, path)
            waits = pool.submit(place_of(double), [1])
            pool.cancel(waits)
            pool.cancel(begun)
            ended = all_of(pool, begun, waits)
            assert {one.fate for one in ended.values()} == {"cancelled"}
            assert run(pool, double, [4]).answers[0].value == 8
            assert run(pool, number_of_process, [0]).answers[0].value != number

    def test_what_was_lost_is_run_again_and_each_item_answered_once(self, tmp_path: Any) -> None:
        """However many workers there are."""
        for workers in (1, 2):
            with self.lend(workers) as pool:
                path = str(tmp_path / f"killed-{workers}")
                items: Iterator[list[Any]] = iter([[path], [path], [path]])
                found = [
                    (given, ended.answers[0].value)
                    for given, ended in spread(pool, place_of(be_killed_once), items)
                ]
                assert found == [([path], "survived")] * 3

    def test_what_kills_its_worker_each_time_is_given_up(self) -> None:
        """With an error that names it."""
        with self.lend(1) as pool:
            said = ""
            try:
                list(spread(pool, place_of(be_killed), iter([["poison"]]), attempts=2))
            except EngineError as error:
                said = error.message
            assert "A worker was lost 2 times at poison" in said
            assert run(pool, double, [4]).answers[0].value == 8

    def test_no_more_is_under_way_than_two_batches_a_worker(self) -> None:
        """The next is asked for when there is room."""
        with self.lend(2) as pool:
            asked: list[int] = []

            def given() -> Iterator[list[int]]:
                for number in range(20):
                    asked.append(number)
                    yield [number]

            done = 0
            for _, ended in spread(pool, place_of(double), given()):
                done += 1
                assert ended.fate == "done"
                assert len(asked) - done <= 3
            assert done == 20

    def test_a_spread_stops_when_it_is_told_to(self) -> None:
        """And leaves nothing behind in the pool."""
        with self.lend(2) as pool:
            seen: list[int] = []

            def is_enough() -> bool:
                return len(seen) >= 5

            endless = ([number] for number in count())
            for items, _ in spread(pool, place_of(double), endless, stop=is_enough):
                seen += items
            assert 5 <= len(seen) <= 9
            fates = {ended.fate for ended in pool.results(0.0)}
            assert fates <= {"cancelled", "done"}
            assert run(pool, double, [4]).answers[0].value == 8
