"""What every section of settings shares: how a setting is declared, found and checked."""

from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from raymill.config.find import PREFIX, Found, find
from raymill.errors import ConfigError

S = TypeVar("S", bound="Section")


def setting(
    default: Any, text: str, *, unit: str = "", aliases: tuple[str, ...] = (), **limits: Any
) -> Any:
    """Declare a setting: default, a line for the user, unit, other variables that are read."""
    extra: dict[str, Any] = {"unit": unit, "aliases": list(aliases)}
    return Field(default, description=text, json_schema_extra=extra, **limits)


class Section(BaseSettings):
    """A group of settings; its variables are `RAYMILL_<SECTION>_<NAME>`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)
    section: ClassVar[str]
    prefix: ClassVar[str | None] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read through `find` alone, so that the origin of each value can be told."""
        return init_settings, _Given(settings_cls)

    @classmethod
    def variable(cls, name: str) -> str:
        """The environment variable of a setting."""
        return (cls.prefix or f"{PREFIX}{cls.section.upper()}_") + name.upper()

    @classmethod
    def aliases(cls, name: str) -> tuple[str, ...]:
        """Other variables of a setting that are read."""
        return tuple(extra(cls.model_fields[name], "aliases"))

    @classmethod
    def given(cls, name: str) -> Found | None:
        """The value that somebody gave to a setting, None where the default holds."""
        return find(cls.section, name, cls.variable(name), cls.aliases(name))


class _Given(PydanticBaseSettingsSource):
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        found = _section(self.settings_cls).given(field_name)
        return (found.value if found else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        cls = _section(self.settings_cls)
        found = ((name, cls.given(name)) for name in cls.model_fields)
        return {name: value.value for name, value in found if value is not None}


def _section(cls: type[BaseSettings]) -> type[Section]:
    assert issubclass(cls, Section)
    return cls


def extra(field: FieldInfo, name: str) -> Any:
    """What `setting` noted beside a field: its `unit` or `aliases`."""
    noted = field.json_schema_extra
    return noted.get(name, "") if isinstance(noted, dict) else ""


def is_secret(field: FieldInfo) -> bool:
    """Whether the value of a setting is never shown."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def load(section: type[S]) -> S:
    """Read and check one section. Raises ConfigError with setting, value and origin."""
    try:
        return section()
    except ValidationError as error:
        raise _refusal(section, next(_problems(error))) from None


def _problems(error: ValidationError) -> Iterator[tuple[str, str]]:
    for problem in error.errors(include_url=False):
        yield str(problem["loc"][0]), problem["msg"].removeprefix("Value error, ")


def _refusal(section: type[Section], problem: tuple[str, str]) -> ConfigError:
    name, reason = problem
    field, found = section.model_fields[name], section.given(name)
    value = "****" if is_secret(field) else found.value if found else field.default
    origin = f" ({found.origin})" if found else ""
    unit = extra(field, "unit")
    hint = f"{field.description}; default {field.default}{f' {unit}' if unit else ''}"
    return ConfigError(
        f"Setting `{section.section}.{name}` is `{value}`{origin}: {reason}", hint=hint
    )
