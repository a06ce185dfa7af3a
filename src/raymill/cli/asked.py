"""What options mean: lists with commas, `name=value`, the pace of a replay."""

from collections.abc import Callable, Sequence

from raymill.errors import ConfigError
from raymill.flow.source import Source


def names(given: Sequence[str] | None) -> tuple[str, ...]:
    """Names that were given one by one or with commas.

    >>> names(["a,b", "c"])
    ('a', 'b', 'c')
    """
    parts = (part.strip() for text in given or () for part in text.split(","))
    return tuple(part for part in parts if part)


def pairs(given: Sequence[str] | None, option: str = "--set") -> dict[str, str]:
    """Values by name; the last one of a name holds. Raises ConfigError.

    >>> pairs(["q=0.5", "file=a=b.txt"])
    {'q': '0.5', 'file': 'a=b.txt'}
    """
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ConfigError(
                f"`{option} {text}` gives no value", hint=f"write {option} name=value"
            )
        found[name.strip()] = value
    return found


def pace(
    repeat: int, rate: float | None, time_scale: float | None, time: str
) -> Callable[[Source], Source] | None:
    """How the source is repeated and replayed. Raises ConfigError."""
    if rate is not None and time_scale is not None:
        raise ConfigError("`--rate` and `--time-scale` exclude each other", hint="give one")
    for name, value in (("--repeat", repeat), ("--rate", rate), ("--time-scale", time_scale)):
        if value is not None and not value > 0:
            raise ConfigError(f"`{name}` cannot be {value}", hint=f"give {name} a number above 0")
    if repeat == 1 and rate is None and time_scale is None:
        return None

    def wrap(source: Source) -> Source:
        from raymill.connectors.repeat import Repeated
        from raymill.connectors.replay import Replayed

        paced: Source = Repeated(source, repeat) if repeat > 1 else source
        if rate is not None or time_scale is not None:
            paced = Replayed(paced, rate=rate, time_scale=time_scale, column=time)
        return paced

    return wrap
