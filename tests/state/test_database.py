"""Tables that every process may write: together or not at all, one after the other."""

import os
import pickle
import threading

import pytest

from raymill.errors import StoreError
from raymill.state.database import Database

PUT = "INSERT INTO lake_sequence VALUES (?, ?)"
ALL = "SELECT name, number FROM lake_sequence ORDER BY name"


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.reading() as execute:
        return execute(ALL)


def test_what_was_written_is_there_when_it_is_opened_again(database: Database) -> None:
    with database.transaction() as execute:
        execute.many(PUT, [("b", 2), ("a", 1)])
        assert execute(
            "UPDATE lake_sequence SET number=7 WHERE name=? RETURNING number", ["b"]
        ) == [(7,)]
    database.close()
    assert rows(database) == [("a", 1), ("b", 7)]


def write(database: Database, statement: str) -> None:
    with database.transaction() as execute:
        execute(PUT, ["a", 1])
        execute(statement)
        raise KeyboardInterrupt


def test_an_error_inside_takes_all_of_it_back(database: Database) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(database, "SELECT 1")
    assert rows(database) == []


def test_a_wrong_statement_is_explained_and_leaves_nothing(database: Database) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        write(database, "INSERT INTO nowhere VALUES (1)")
    assert rows(database) == []


def test_threads_that_read_and_then_write_do_not_overwrite_each_other(database: Database) -> None:
    with database.transaction() as execute:
        execute(PUT, ["n", 0])
    other: Database = pickle.loads(pickle.dumps(database))

    def count(through: Database) -> None:
        for _ in range(50):
            with through.transaction() as execute:
                ((number,),) = execute("SELECT number FROM lake_sequence WHERE name='n'")
                execute("UPDATE lake_sequence SET number=? WHERE name='n'", [number + 1])

    threads = [threading.Thread(target=count, args=[door]) for door in (database, other, database)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert rows(database) == [("n", 150)]


def test_reading_sees_one_moment_while_another_writes(database: Database) -> None:
    other: Database = pickle.loads(pickle.dumps(database))
    with database.transaction() as execute:
        execute(PUT, ["a", 1])
    with database.reading() as execute:
        before = execute(ALL)
        with other.transaction() as write:
            write(PUT, ["b", 2])
        assert execute(ALL) == before
    assert rows(database) == [("a", 1), ("b", 2)]
    other.close()


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_opens_the_tables_anew(database: Database) -> None:
    with database.transaction() as execute:
        execute(PUT, ["a", 1])
    child = os.fork()
    if child == 0:
        with database.transaction() as execute:
            execute(PUT, ["b", 2])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert rows(database) == [("a", 1), ("b", 2)]
