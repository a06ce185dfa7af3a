"""Keys of the API: only their hash is kept, one in force for each name, revoked for good."""

import hashlib

import pytest

from raymill.errors import ConfigError, Conflict, NotFound
from raymill.state.database import Database
from raymill.state.keys import Keys, Ring

SECRET = "rmk_010101010101_" + "AQEB" * 10 + "AQE"  # bytes that are 1
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()


def keys(database: Database, at: float = 1.7e9) -> Keys:
    return Keys(database, now=lambda: at)


def test_a_secret_is_256_random_bits_of_which_the_hash_alone_is_kept(database: Database) -> None:
    made = Keys(database, now=lambda: 5.0, random=lambda size: b"\x01" * size).create("ci", "write")
    assert made.secret == SECRET
    with database.reading() as execute:
        rows = execute("SELECT * FROM api_keys")
    assert rows == [("010101010101", "ci", DIGEST, "write", None, 5.0, None)]


def test_a_key_is_found_by_its_secret_until_it_is_revoked(database: Database) -> None:
    stored = keys(database)
    one, other = stored.create("one"), stored.create("other", "admin")
    ring = Ring(stored.in_force())
    assert ring.find(one.secret) == one.key
    assert ring.find(other.secret) == other.key
    stored.revoke("one")
    ring = Ring(stored.in_force())
    assert ring.find(one.secret) is None
    assert (ring.holds(one.key.id), ring.holds(other.key.id)) == (False, True)


@pytest.mark.parametrize("change", ["", "x", "rmk_", SECRET[:-1], SECRET + "A", SECRET.upper()])
def test_what_is_no_secret_finds_nothing(database: Database, change: str) -> None:
    made = Keys(database, random=lambda size: b"\x01" * size).create("ci")
    ring = Ring([made.key])
    assert ring.find(SECRET) == made.key
    assert ring.find(change) is None


def test_the_secret_of_another_key_does_not_fit_to_an_id(database: Database) -> None:
    stored = keys(database)
    one, other = stored.create("one"), stored.create("other")
    forged = f"rmk_{one.key.id}_{other.secret.rpartition('_')[2]}"
    assert Ring(stored.in_force()).find(forged) is None


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("read", [True, False, False]), ("write", [True, True, False]), ("admin", [True] * 3)],
)
def test_a_scope_holds_those_below_it(database: Database, scope: str, allowed: list[bool]) -> None:
    key = keys(database).create("one", scope).key  # type: ignore[arg-type]
    assert [key.allows(needed) for needed in ("read", "write", "admin")] == allowed


def test_one_key_in_force_bears_a_name(database: Database) -> None:
    stored = keys(database)
    first = stored.create("ci").key
    with pytest.raises(Conflict, match="A key `ci` is in force"):
        stored.create("ci")
    assert stored.revoke("ci").id == first.id
    second = keys(database, 1.7e9 + 1).create("ci").key
    assert [(one.id, one.revoked is None) for one in stored.ls()] == [
        (second.id, True),
        (first.id, False),
    ]


def test_a_key_is_revoked_once_by_id_or_name(database: Database) -> None:
    made = keys(database).create("ci").key
    assert keys(database, 7.0).revoke(made.id).revoked == 7.0
    assert keys(database, 9.0).revoke("ci").revoked == 7.0
    with pytest.raises(NotFound, match="There is no key `nobody`"):
        keys(database).revoke("nobody")


@pytest.mark.parametrize("name", ["", " a", "a\n", "a" * 65, "a;b", "ä"])
def test_a_name_that_does_not_fit_on_a_line_is_refused(database: Database, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a key"):
        keys(database).create(name)


def test_the_secret_and_its_hash_do_not_show_in_a_repr(database: Database) -> None:
    made = keys(database).create("ci")
    assert made.key.digest not in repr(made.key)
