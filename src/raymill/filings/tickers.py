"""What a user calls a company: a ticker, a CIK, or a name; each written one way."""

import re

from raymill.errors import ConfigError
from raymill.filings.filing import ticker_of

FORM = "letters, digits, `.` and `-`, at most ten, as in BRK.B"
_CIK = re.compile(r"(?:CIK)?\s*(\d{1,10})", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,&'()!-]{0,99}")


def ticker(text: str) -> str:
    """A ticker in capitals, share classes behind a dash. Raises ConfigError for anything else.

    >>> ticker(" brk.b ")
    'BRK-B'
    """
    found = ticker_of(text)
    if found is None:
        raise ConfigError(f"`{_short(text)}` is no ticker", hint=f"a ticker is {FORM}")
    return found


def called(text: str) -> str:
    """What a company is called in lists: its ticker, `CIK##########`, or its name in capitals.

    Raises ConfigError where it can be none of these.

    >>> called("brk.b"), called("320193"), called("apple  inc.")
    ('BRK-B', 'CIK0000320193', 'APPLE INC.')
    """
    if (cik := cik_of(text)) is not None:
        return f"CIK{cik:010}"
    if (found := ticker_of(text)) is not None:
        return found
    name = " ".join(text.split())
    if not _NAME.fullmatch(name) or ".." in name:
        raise ConfigError(
            f"`{_short(text)}` is neither a ticker, a CIK nor the name of a company",
            hint=f"a ticker is {FORM}",
        )
    return name.upper()


def cik_of(text: str) -> int | None:
    """The number of a CIK that is written as such; a word of digits alone is one.

    >>> cik_of("CIK0000320193"), cik_of("320193"), cik_of("AAPL")
    (320193, 320193, None)
    """
    found = _CIK.fullmatch(text.strip())
    return int(found[1]) if found and found[1].isascii() else None


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
