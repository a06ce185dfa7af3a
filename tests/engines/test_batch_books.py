"""The books of a pool say what goes out next, and how batches ended."""

from dataclasses import dataclass

from raymill.engines.batch_books import Batch, BatchBooks
from raymill.flow.batches import Answer, Ended


@dataclass(eq=False)
class Hand:
    """A worker that nobody runs."""

    name: str
    is_up: bool = False
    hand: Batch | None = None


def books_of(*workers: Hand) -> BatchBooks[Hand]:
    books: BatchBooks[Hand] = BatchBooks()
    books.workers.extend(workers)
    return books


def test_batches_go_out_in_their_order_to_workers_that_are_up_and_idle() -> None:
    coming, idle = Hand("coming"), Hand("idle", is_up=True)
    books = books_of(coming, idle)
    held = books.next_number()
    first, second = books.wait("m:f", (1, 2), held), books.wait("m:f", [3], None)
    assert (held, first, second) == (1, 2, 3)
    assert [*books.given()] == [(idle, Batch(2, "m:f", [1, 2], 1))]
    assert [*books.given()] == []
    books.up(coming)
    assert [*books.given()] == [(coming, Batch(3, "m:f", [3], None))]


def test_as_many_workers_are_missing_as_wait_beyond_those_that_come() -> None:
    books = books_of(Hand("coming"))
    assert books.missing(4) <= 0
    for _ in range(3):
        books.wait("m:f", [1], None)
    assert books.missing(4) == 2
    assert books.missing(2) == 1
    assert books.missing(1) == 0


def test_a_batch_ends_once_and_its_worker_is_idle_again() -> None:
    worker = Hand("one", is_up=True)
    books = books_of(worker)
    books.wait("m:f", [1], None)
    assert books.is_awaited
    assert len([*books.given()]) == 1
    assert books.is_awaited
    books.done(worker, [Answer(2)], 0.5)
    assert (books.is_awaited, worker.hand) == (False, None)
    assert books.ended() == [Ended(1, "done", [Answer(2)], "", 0.5, "one")]
    assert books.ended() == []


def test_a_lost_worker_takes_its_batch_with_it_and_leaves_the_others() -> None:
    worker, other = Hand("one", is_up=True), Hand("two", is_up=True)
    books = books_of(worker, other)
    books.wait("m:f", [1], None)
    assert len([*books.given()]) == 1
    assert not books.lost(worker, "signal 9")
    assert books.ended() == [Ended(1, "lost", (), "signal 9", worker="one")]
    assert books.workers == [other]


def test_three_workers_that_never_came_up_are_hopeless_while_none_is_there() -> None:
    def gone(books: BatchBooks[Hand]) -> bool:
        worker = Hand("late")
        books.workers.append(worker)
        return books.lost(worker, "code 7")

    assert [gone(books := books_of()), gone(books), gone(books)] == [False, False, True]
    there = books_of(Hand("up", is_up=True))
    assert [gone(there) for _ in range(4)] == [False] * 4
    books = books_of()
    assert [gone(books), gone(books)] == [False, False]
    worker = Hand("one")
    books.workers.append(worker)
    books.up(worker)
    assert not books.lost(worker, "signal 9")
    assert [gone(books), gone(books), gone(books)] == [False, False, True]


def test_a_batch_that_waits_is_taken_back_alone_one_under_way_with_its_worker() -> None:
    worker = Hand("one", is_up=True)
    books = books_of(worker)
    first, second = (books.wait("m:f", [item], None) for item in (1, 2))
    assert len([*books.given()]) == 1
    assert books.cancelled(second) is None
    assert books.cancelled(first) is worker
    assert books.cancelled(first) is None
    assert books.ended() == [Ended(2, "cancelled"), Ended(1, "cancelled", worker="one")]
    assert books.workers == []


def test_closed_books_give_the_workers_and_await_nothing() -> None:
    worker = Hand("one", is_up=True)
    books = books_of(worker)
    books.wait("m:f", [1], None)
    assert books.closed() == [worker]
    assert (books.workers, books.is_awaited) == ([], False)
