"""The tables that every process may write, on each backend that keeps them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from raymill.state.database import Database, open_database

BACKENDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=BACKENDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    database = open_database(tmp_path, url)
    yield database
    database.close()
