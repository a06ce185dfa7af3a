"""The store on PostgreSQL: the suite of every store, and what is PostgreSQL's own."""

from typing import Any

import pytest

from raymill.state.postgres import PostgresStore
from raymill.state.store import StateStore
from raymill.testing.store_suite import StoreSuite


class TestPostgres(StoreSuite):
    @pytest.fixture(autouse=True)
    def database(self, postgres_url: str) -> None:
        self.url = postgres_url

    def make(self, folder: Any) -> StateStore:
        return PostgresStore(self.url)
