"""The servers that tests start."""

from typing import Any


def connect(url: str) -> Any:
    import psycopg

    return psycopg.connect(url)


def tables(url: str) -> list[str]:
    with connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname='public'")
        return [name for (name,) in rows]


def test_a_test_has_a_database_of_its_own(postgres_url: str) -> None:
    assert tables(postgres_url) == []
    with connect(postgres_url) as connection:
        connection.execute("CREATE TABLE kept (it int)")
    assert tables(postgres_url) == ["kept"]


def test_another_test_sees_nothing_of_it(postgres_url: str) -> None:
    assert tables(postgres_url) == []
