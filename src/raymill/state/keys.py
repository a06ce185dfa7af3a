"""Keys of the HTTP API: made, listed, revoked. What is kept of a secret is its hash alone.

A secret holds 256 random bits, so one SHA-256 protects it: there is nothing to guess.
"""

import hashlib
import hmac
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from raymill.errors import ConfigError, Conflict, NotFound
from raymill.state.database import Database, Row

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
MARK = "rmk"
_SECRET = re.compile(rf"{MARK}_([0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
_COLUMNS = "key_id, name, digest, scope, rate, created, revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """A key: who has it, what it allows, since when, until when.

    rate: requests a second that it may make; 0 any number, none those of `serve.key_rate`.
    """

    id: str
    name: str
    digest: str = field(repr=False)
    scope: Scope
    rate: float | None
    created: float
    revoked: float | None = None

    def allows(self, needed: Scope) -> bool:
        """Whether it may do what needs such a scope: `admin` holds `write`, that holds `read`."""
        return SCOPES.index(self.scope) >= SCOPES.index(needed)


class Made(NamedTuple):
    """A new key, and its secret, which is told this once."""

    key: Key
    secret: str


class Keys:
    """The keys of a store."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database, self._now, self._random = database, now, random

    def create(self, name: str, scope: Scope = "read", rate: float | None = None) -> Made:
        """Make a key. Raises ConfigError, Conflict where a key in force bears the name."""
        _check(name, scope, rate)
        id_ = self._random(6).hex()
        secret = f"{MARK}_{id_}_{_text(self._random(32))}"
        key = Key(id_, name, digest_of(secret), scope, rate, self._now())
        with self._database.transaction() as execute:
            if execute("SELECT 1 FROM api_keys WHERE name=? AND revoked IS NULL", (name,)):
                raise Conflict(
                    f"A key `{name}` is in force",
                    hint=f"take another name, or: raymill keys revoke {name}",
                )
            values = (key.id, name, key.digest, scope, rate, key.created, None)
            execute(f"INSERT INTO api_keys ({_COLUMNS}) VALUES (?,?,?,?,?,?,?)", values)
        return Made(key, secret)

    def ls(self) -> list[Key]:
        """All keys, the newest first; those that were revoked too."""
        return self._read("ORDER BY created DESC, key_id")

    def in_force(self) -> list[Key]:
        """The keys that are not revoked."""
        return self._read("WHERE revoked IS NULL")

    def revoke(self, called: str) -> Key:
        """Revoke the key of an id or a name; one that is revoked stays so. Raises NotFound."""
        with self._database.transaction() as execute:
            rows = execute(
                f"SELECT {_COLUMNS} FROM api_keys WHERE key_id=? OR name=? "
                "ORDER BY CASE WHEN key_id=? THEN 0 ELSE 1 END, revoked IS NOT NULL, created DESC",
                (called, called, called),
            )
            if not rows:
                raise NotFound(f"There is no key `{called}`", hint="raymill keys ls")
            found = _key(rows[0])
            if found.revoked is None:
                execute("UPDATE api_keys SET revoked=? WHERE key_id=?", (self._now(), found.id))
        return next(one for one in self.ls() if one.id == found.id)

    def _read(self, rest: str) -> list[Key]:
        with self._database.reading() as execute:
            return [_key(row) for row in execute(f"SELECT {_COLUMNS} FROM api_keys {rest}")]


class Ring:
    """Keys as they were read at one moment, to look secrets up in."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.id: key for key in keys}

    def find(self, secret: str) -> Key | None:
        """The key in force behind a secret. Takes as long for a wrong secret as for a right one."""
        parts = _SECRET.fullmatch(secret)
        if parts is None:
            return None
        key = self._keys.get(parts[1])
        is_right = hmac.compare_digest(digest_of(secret), key.digest if key else _NOBODYS)
        return key if key and is_right and key.revoked is None else None

    def holds(self, id: str) -> bool:
        """Whether the key of an id is in force."""
        key = self._keys.get(id)
        return key is not None and key.revoked is None


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


_NOBODYS = digest_of("")


def _check(name: str, scope: str, rate: float | None) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"`{name}` cannot be the name of a key",
            hint="take up to 64 letters, digits, spaces and `._@-`, a letter or digit first",
        )
    if scope not in SCOPES:
        raise ConfigError(f"Unknown scope `{scope}`", hint=f"there are: {', '.join(SCOPES)}")
    if rate is not None and not 0 <= rate <= 1e6:
        raise ConfigError(f"A key cannot make {rate:g} requests a second", hint="0 is any number")


def _text(random: bytes) -> str:
    return urlsafe_b64encode(random).decode().rstrip("=")


def _key(row: Row) -> Key:
    return Key(*row)
