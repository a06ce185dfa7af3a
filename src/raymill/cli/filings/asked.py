"""What options of `raymill filings` mean: days, forms."""

from collections.abc import Sequence
from datetime import date

from raymill.cli.asked import names
from raymill.errors import ConfigError


def day(option: str, text: str | None) -> str | None:
    """A day as it is written everywhere. Raises ConfigError.

    >>> day("--since", "2024-01-31")
    '2024-01-31'
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ConfigError(
            f"`{option} {text}` is no day", hint=f"write it as in {option} 2009-12-31"
        ) from None


def listed_forms(given: Sequence[str] | None) -> tuple[str, ...]:
    """Forms in capitals, each once, in a fixed order.

    >>> listed_forms(["10-q,10-k", "10-K"])
    ('10-K', '10-Q')
    """
    return tuple(sorted({name.upper() for name in names(given)}))
