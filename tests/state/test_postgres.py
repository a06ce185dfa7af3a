"""The store on PostgreSQL: the suite of every store, and what is PostgreSQL's own."""

from contextlib import closing
from typing import Any

import pytest

from raymill.state.postgres import PostgresStore
from raymill.state.postgres_session import connect
from raymill.state.store import StateStore
from raymill.testing.store_suite import StoreProcesses, StoreSuite


class PostgresDoors:
    @pytest.fixture(autouse=True)
    def database(self, postgres_url: str) -> None:
        self.url = postgres_url

    def make(self, folder: Any) -> StateStore:
        return PostgresStore(self.url)

    def change_migrations(self, folder: Any, tables: str, change: str) -> None:
        with closing(connect(self.url)) as connection:
            connection.execute(change.format(f"{tables}_migrations"))


class TestPostgres(PostgresDoors, StoreSuite):
    pass


class TestPostgresProcesses(PostgresDoors, StoreProcesses):
    pass
