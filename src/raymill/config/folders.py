"""The section `paths`, checked; `raymill.config.paths` reads the same values without pydantic."""

from pathlib import Path
from typing import ClassVar

from raymill.config.find import PREFIX
from raymill.config.paths import CACHE_ALIASES, DEFAULT_CACHE_HOME, DEFAULT_HOME, SECTION
from raymill.config.section import Section, setting


class PathSettings(Section):
    """Settings of where things lie."""

    section: ClassVar[str] = SECTION
    prefix: ClassVar[str | None] = PREFIX

    home: Path = setting(Path(DEFAULT_HOME), "Folder of everything that raymill keeps")
    cache_home: Path = setting(
        Path(DEFAULT_CACHE_HOME),
        "Folder of caches; compiled code lies in its folder `raymill`",
        aliases=CACHE_ALIASES,
    )
