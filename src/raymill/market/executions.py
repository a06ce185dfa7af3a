"""Executions as tables keep them: what was asked, where each stands, what came of it.

The owner of an execution tells how far it is; anybody may ask for its stop. What has ended stays as
it is: a late owner, or a second stop, changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from raymill import json
from raymill.errors import unknown
from raymill.state.database import Database, Execute

State: TypeAlias = Literal["queued", "running", "stopping", "stopped", "completed", "failed"]
STATES: tuple[State, ...] = ("queued", "running", "stopping", "stopped", "completed", "failed")
OVER: tuple[State, ...] = ("stopped", "completed", "failed")
_COLUMNS = (
    "execution_id, algorithm_id, engine, asked, state, wanted, progress, created, started, ended, "
    "figures, error"
)
_INSERT = (
    f"INSERT INTO algorunner_executions ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
    "ON CONFLICT DO NOTHING"
)
_OPEN = "execution_id=? AND state IN ('queued', 'running')"


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a strategy, and where it stands. Times are seconds since 1970.

    `algorithm_id` is the name of the strategy, `asked` what it was started with, `engine` whose
    workers run it (`here`: the process that asked), `figures` what came of it.
    """

    execution_id: str
    algorithm_id: str
    engine: str
    asked: Mapping[str, Any]
    state: State
    created: float
    started: float | None = None
    ended: float | None = None
    progress: float = 0.0
    figures: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    is_to_stop: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state in OVER


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an execution: `trades` and `equity` as Parquet, `found` as JSON, each by what
    stands for it in the artifacts."""

    record: Mapping[str, Any]
    trades: bytes = b""
    equity: bytes = b""
    found: bytes = b"[]"


class ExecutionTable:
    """The executions in the tables of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, one: Execution, outcome: Outcome | None = None) -> None:
        """Note an execution, with its outcome where it has ended; a known one stays as it is."""
        with self._database.transaction() as execute:
            execute(_INSERT, _row(one))
            if outcome is not None:
                _put(execute, one.execution_id, outcome)

    def admit(self, one: Execution, most: int | None) -> bool:
        """Note an execution; False where it is new and `most` have not ended."""
        with self._database.transaction() as execute:
            sql = "SELECT 1 FROM algorunner_executions WHERE execution_id=?"
            if most is not None and not execute(sql, (one.execution_id,)):
                sql = "SELECT count(*) FROM algorunner_executions WHERE state IN "
                if execute(f"{sql} ('queued', 'running')")[0][0] >= most:
                    return False
            execute(_INSERT, _row(one))
        return True

    def begin(self, one: Execution) -> bool:
        """Note that an execution is run now; False where it is not wanted, or over."""
        with self._database.transaction() as execute:
            execute(_INSERT, _row(one))
            rows = execute(
                "UPDATE algorunner_executions SET state='running', progress=0, started=? "
                f"WHERE {_OPEN} AND wanted='' RETURNING 1",
                (one.started, one.execution_id),
            )
        return bool(rows)

    def tell(self, execution_id: str, progress: float) -> bool:
        """Note how far it is, 0 to 1; False where it is not wanted any more."""
        with self._database.transaction() as execute:
            rows = execute(
                f"UPDATE algorunner_executions SET progress=? WHERE {_OPEN} AND wanted='' "
                "RETURNING 1",
                (progress, execution_id),
            )
        return bool(rows)

    def complete(
        self, execution_id: str, figures: Mapping[str, Any], outcome: Outcome, now: float
    ) -> bool:
        """Note what came of it; False where it was stopped before."""
        with self._database.transaction() as execute:
            rows = execute(
                "UPDATE algorunner_executions SET state='completed', progress=1, ended=?, "
                f"figures=? WHERE {_OPEN} AND wanted='' RETURNING 1",
                (now, _text(figures), execution_id),
            )
            if rows:
                _put(execute, execution_id, outcome)
        return bool(rows)

    def ask_to_stop(self, execution_id: str) -> None:
        """Have it stopped; one that has ended stays as it is."""
        with self._database.transaction() as execute:
            execute(
                f"UPDATE algorunner_executions SET wanted='stopped' WHERE {_OPEN}", (execution_id,)
            )

    def settle(
        self, execution_id: str, state: State, now: float, error: Mapping[str, Any] | None = None
    ) -> None:
        """Note how an execution ended that cannot say so itself."""
        with self._database.transaction() as execute:
            execute(
                f"UPDATE algorunner_executions SET state=?, ended=?, error=? WHERE {_OPEN}",
                (state, now, None if error is None else _text(error), execution_id),
            )

    def find(self, execution_id: str) -> Execution | None:
        """An execution by its id."""
        with self._database.reading() as execute:
            sql = f"SELECT {_COLUMNS} FROM algorunner_executions WHERE execution_id=?"
            rows = execute(sql, (execution_id,))
        return _execution(*rows[0]) if rows else None

    def outcome(self, execution_id: str) -> Outcome | None:
        """What came of an execution; None where nothing did yet."""
        with self._database.reading() as execute:
            rows = execute(
                "SELECT record, trades, equity, found FROM algorunner_results WHERE execution_id=?",
                (execution_id,),
            )
        return Outcome(json.loads(rows[0][0]), *map(bytes, rows[0][1:])) if rows else None

    def open(self, algorithm_id: str | None = None) -> list[Execution]:
        """Those that have not ended, the oldest first, of one strategy or of all."""
        return self._select(
            "WHERE state IN ('queued', 'running')" + _and_of(algorithm_id) + " ORDER BY created",
            *([algorithm_id] if algorithm_id else []),
        )

    def ls(
        self,
        *,
        algorithm_id: str | None = None,
        state: State | None = None,
        before: str | None = None,
        most: int = 50,
    ) -> list[Execution]:
        """A page, the newest first. Raises UnknownName for a state that there is none of."""
        where, values = _where(algorithm_id, state)
        if before is not None:
            after = "(SELECT created, execution_id FROM algorunner_executions WHERE execution_id=?)"
            where.append(f"(created, execution_id) < {after}")
            values.append(before)
        clause = f"WHERE {' AND '.join(where)}" if where else ""
        order = "ORDER BY created DESC, execution_id DESC LIMIT ?"
        return self._select(f"{clause} {order}", *values, most)

    def counts(self) -> dict[State, int]:
        """How many there are in each state."""
        with self._database.reading() as execute:
            rows = execute("SELECT state, count(*) FROM algorunner_executions GROUP BY state")
        return dict.fromkeys(STATES, 0) | {state: int(count) for state, count in rows}

    def _select(self, clause: str, *values: Any) -> list[Execution]:
        with self._database.reading() as execute:
            rows = execute(f"SELECT {_COLUMNS} FROM algorunner_executions {clause}", values)
        return [_execution(*row) for row in rows]


def _and_of(algorithm_id: str | None) -> str:
    return " AND algorithm_id=?" if algorithm_id else ""


def _where(algorithm_id: str | None, state: State | None) -> tuple[list[str], list[Any]]:
    where, values = list[str](), list[Any]()
    if algorithm_id is not None:
        where.append("algorithm_id=?")
        values.append(algorithm_id)
    if state is None:
        return where, values
    if state not in STATES:
        raise unknown("state", state, STATES)
    is_open = state not in OVER
    is_stopping = state == "stopping"
    where += (["wanted='stopped'"] if is_stopping else ["wanted=''"]) if is_open else []
    where.append("state IN ('queued', 'running')" if is_stopping else "state=?")
    return where, [*values, *([] if is_stopping else [state])]


def _put(execute: Execute, execution_id: str, one: Outcome) -> None:
    execute(
        "INSERT INTO algorunner_results (execution_id, record, trades, equity, found) "
        "VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
        (execution_id, _text(one.record), one.trades, one.equity, one.found),
    )


def _row(one: Execution) -> Sequence[Any]:
    return (
        *(one.execution_id, one.algorithm_id, one.engine, _text(one.asked), one.state, ""),
        *(one.progress, one.created, one.started, one.ended),
        *(_text_of(one.figures), _text_of(one.error)),
    )


def _execution(
    execution_id: str, algorithm_id: str, engine: str, asked: str, state: State, *rest: Any
) -> Execution:
    wanted, progress, created, started, ended, figures, error = rest
    made = Execution(
        *(execution_id, algorithm_id, engine, json.loads(asked), state, created, started, ended),
        progress=progress,
        figures=_value(figures),
        error=_value(error),
    )
    is_stopping = wanted == "stopped" and not made.is_over
    return replace(made, state="stopping", is_to_stop=True) if is_stopping else made


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value).decode()


def _text_of(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else _text(value)


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
