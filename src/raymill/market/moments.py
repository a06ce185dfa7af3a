"""Moments as people write them: RFC 3339 with a zone, or a bare date. Microseconds since 1970."""

from datetime import UTC, datetime

from raymill.errors import ConfigError

HINT = "write it with a zone, as in 2024-01-31T14:30:00Z, or as a bare date"


def moment(at_us: int) -> str:
    """A moment as text, in UTC.

    >>> moment(1_588_740_120_000_000)
    '2020-05-06T04:42:00Z'
    """
    seconds, micros = divmod(at_us, 1_000_000)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    text = at.isoformat().replace("+00:00", "Z")
    return f"{text[:-1].rstrip('0')}Z" if micros else text


def micros(text: str, name: str = "time") -> int:
    """A moment that somebody wrote. Raises ConfigError for one without a zone.

    >>> micros("2020-05-06"), micros("2020-05-06T06:42:00+02:00")
    (1588723200000000, 1588740120000000)
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"`{name} {text}` is no time", hint=HINT, path=name) from None
    if at.tzinfo is None:
        if len(text.strip()) > 10:
            raise ConfigError(f"`{name} {text}` has no zone", hint=HINT, path=name)
        at = at.replace(tzinfo=UTC)
    whole = int(at.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + at.microsecond
