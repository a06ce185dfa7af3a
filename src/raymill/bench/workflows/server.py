"""The same workflows on a PostgreSQL server, in a database that is made for them and dropped."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import closing

from raymill.bench.case import Case, Setup, Work, speed
from raymill.bench.workflows.rates import IN_FLIGHT, RATE, STEPS, run_many
from raymill.config import settings


def cases() -> Iterator[Case]:
    """With many runs in flight, then one after the other."""
    for in_flight, usual in IN_FLIGHT:
        text = f"runs of {STEPS} steps that do nothing, {in_flight} in flight, PostgreSQL"
        yield Case(
            f"workflows.postgres.inflight_{in_flight}",
            text,
            _rate(in_flight, usual),
            unit=RATE,
            stream="",
            needs="psycopg",
            lacks=_lacks,
        )


def _lacks() -> str:
    return "" if settings().database.address else "no server: set RAYMILL_DATABASE_URL"


def _rate(in_flight: int, usual: int) -> Callable[[Setup], Work]:
    def prepare(setup: Setup) -> Work:
        url = setup.once("postgres", lambda: _new_database(setup))
        turn, count = itertools.count(), setup.count(usual)
        return speed(
            lambda: run_many(setup, count, in_flight, f"{in_flight}-{next(turn)}", url=url), 1
        )

    return prepare


def _new_database(setup: Setup) -> str:
    from raymill.state.postgres_session import connect, database

    url, name = settings().database.address, f"raymill_bench_{os.getpid()}"

    def run(statement: str) -> None:
        with closing(connect(url)) as connection:
            connection.execute(statement)

    run(f"CREATE DATABASE {name}")
    setup.lasting.callback(run, f"DROP DATABASE {name} WITH (FORCE)")
    return database(url, name)
