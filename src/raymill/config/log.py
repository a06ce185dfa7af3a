"""What is logged, and how."""

from typing import ClassVar, Literal

from raymill.config.section import Section, setting


class LogSettings(Section):
    """Settings of the log, which goes to standard error."""

    section: ClassVar[str] = "log"

    level: Literal["debug", "info", "warning", "error"] = setting(
        "warning", "Least severity that is shown"
    )
    format: Literal["auto", "console", "json"] = setting(
        "auto", "Form of a line; `auto` is console on a terminal and JSON otherwise"
    )
