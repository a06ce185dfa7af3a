"""What services were asked to crawl, as tables keep it: of several symbols, and where it stands.

What has ended stays as it is: a late owner, or a second stop, changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from raymill import json
from raymill.errors import TooBusy
from raymill.market.schemas import Kind
from raymill.state.database import Database, Execute

State: TypeAlias = Literal["running", "completed", "failed", "stopped"]
_COLUMNS = "crawl_id, asked, run, state, created, expires, ended, found, error"


@dataclass(frozen=True, slots=True)
class Gather:
    """What is asked for: the newest `most` records of each symbol, or those in [begin, end).

    symbols: as they were asked for, in the order of `instruments`. data_type: as it was asked for.
    until: when it is given up, in seconds since 1970.
    """

    source: str
    symbols: tuple[str, ...]
    instruments: tuple[int, ...]
    data_type: str
    kind: Kind
    most: int
    interval: str | None = None
    begin_us: int | None = None
    end_us: int | None = None
    until: float = 0.0

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Gather":
        """What `to_dict` gave."""
        lists = {name: tuple(value[name]) for name in ("symbols", "instruments")}
        return cls(**{**value, **lists})

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class Part(NamedTuple):
    """Where the records of one symbol lie: in [begin, end); and how many they are."""

    begin_us: int
    end_us: int
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Gathering:
    """One crawl of several symbols, and where it stands. Times are seconds since 1970.

    run: the workflow run that does it, empty where the process does that was asked. expires: when
    such a process has given it up. found: where the records of each symbol lie.
    """

    crawl_id: str
    asked: Gather
    run: str
    state: State
    created: float
    expires: float
    ended: float | None = None
    found: tuple[Part, ...] | None = None
    error: Mapping[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state != "running"


class GatheringTable:
    """The crawls of services in the tables of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def admit(self, one: Gathering, most: int) -> None:
        """Note a crawl that begins. Raises TooBusy where so many have not ended."""
        with self._database.transaction() as execute:
            rows = execute("SELECT count(*) FROM tickscrawler_crawls WHERE state='running'")
            if rows[0][0] >= most:
                raise TooBusy(
                    f"{rows[0][0]} crawls run already, and no more than {most} may",
                    hint="wait for one of them, or stop one; TICKSCRAWLER_MAX_CRAWLS bounds them",
                    retry_after_s=5,
                )
            asked = json.dumps(one.asked.to_dict()).decode()
            execute(
                f"INSERT INTO tickscrawler_crawls ({_COLUMNS}) VALUES (?,?,?,?,?,?,NULL,NULL,NULL)",
                (one.crawl_id, asked, one.run, one.state, one.created, one.expires),
            )

    def hand_over(self, crawl_id: str, run: str) -> bool:
        """Note that a run does it from now on; False where it has ended."""
        with self._database.transaction() as execute:
            rows = execute(
                "UPDATE tickscrawler_crawls SET run=? WHERE crawl_id=? AND state='running' "
                "RETURNING 1",
                (run, crawl_id),
            )
        return bool(rows)

    def settle(
        self,
        crawl_id: str,
        state: State,
        now: float,
        *,
        found: Sequence[Part] | None = None,
        error: Mapping[str, Any] | None = None,
        unless_run: bool = False,
    ) -> None:
        """Note how a crawl ended; one that has ended stays as it is.

        unless_run: leave it as it is where a run does it by now.
        """
        parts = None if found is None else [list(one) for one in found]
        told = (None if one is None else json.dumps(one).decode() for one in (parts, error))
        with self._database.transaction() as execute:
            execute(
                "UPDATE tickscrawler_crawls SET state=?, ended=?, found=?, error=? "
                "WHERE crawl_id=? AND state='running'" + (" AND run=''" if unless_run else ""),
                (state, now, *told, crawl_id),
            )

    def find(self, crawl_id: str) -> Gathering | None:
        """A crawl by its id."""
        found = self._select("WHERE crawl_id=?", crawl_id)
        return found[0] if found else None

    def open(self) -> list[Gathering]:
        """Those that have not ended, the oldest first."""
        return self._select("WHERE state='running' ORDER BY created")

    def ls(
        self, *, state: State | None = None, before: str | None = None, most: int = 50
    ) -> list[Gathering]:
        """A page, the newest first; `before` is the last id of the page before."""
        where, values = list[str](), list[Any]()
        if state is not None:
            where.append("state=?")
            values.append(state)
        if before is not None:
            after = "(SELECT created, crawl_id FROM tickscrawler_crawls WHERE crawl_id=?)"
            where.append(f"(created, crawl_id) < {after}")
            values.append(before)
        clause = f"WHERE {' AND '.join(where)} " if where else ""
        return self._select(f"{clause}ORDER BY created DESC, crawl_id DESC LIMIT ?", *values, most)

    def counts(self) -> dict[State, int]:
        """How many there are in each state."""
        with self._database.reading() as execute:
            rows = execute("SELECT state, count(*) FROM tickscrawler_crawls GROUP BY state")
        none: dict[State, int] = {"running": 0, "completed": 0, "failed": 0, "stopped": 0}
        return none | {state: int(count) for state, count in rows}

    def _select(self, clause: str, *values: Any) -> list[Gathering]:
        with self._database.reading() as execute:
            rows = execute(f"SELECT {_COLUMNS} FROM tickscrawler_crawls {clause}", values)
        return [_gathering(*row) for row in rows]


def progress(execute: Execute, run: str) -> tuple[int, int]:
    """How far a run is: how many segments were committed, and how many records came."""
    rows = execute("SELECT number, place FROM market_crawl WHERE run LIKE ?", (f"{run}/%",))
    return sum(row[0] for row in rows), sum(json.loads(row[1])["rows"] for row in rows)


def _gathering(
    crawl_id: str, asked: str, run: str, state: State, created: float, expires: float, *rest: Any
) -> Gathering:
    ended, found, error = rest
    return Gathering(
        *(crawl_id, Gather.of(json.loads(asked)), run, state, created, expires, ended),
        found=None if found is None else tuple(Part(*one) for one in json.loads(found)),
        error=None if error is None else json.loads(error),
    )
