"""Every setting with its value and where that came from."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from raymill.config.section import Section, extra, load
from raymill.config.sections import SECTIONS, Settings

MASK = "****"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting, as it is shown. Secrets are masked."""

    name: str
    value: str | int | float | bool | None
    unit: str
    origin: str
    default: str | int | float | bool | None
    variable: str
    aliases: tuple[str, ...]
    text: str


def shown() -> list[Shown]:
    """List every setting, checked. Raises ConfigError for the first that cannot be used."""
    Settings()
    return [row for section in SECTIONS for row in shown_section(section)]


def shown_section(section: type[Section]) -> Iterator[Shown]:
    """List the settings of one section."""
    values = load(section)
    for name, field in section.model_fields.items():
        found = section.given(name)
        yield Shown(
            name=f"{section.section}.{name}",
            value=_plain(getattr(values, name)),
            unit=extra(field, "unit"),
            origin=found.origin if found else "default",
            default=_plain(field.default),
            variable=section.variable(name),
            aliases=section.aliases(name),
            text=field.description or "",
        )


def _plain(value: object) -> str | int | float | bool | None:
    if isinstance(value, SecretStr):
        return MASK
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
