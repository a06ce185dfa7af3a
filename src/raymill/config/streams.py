"""How streams run: checkpoints, key groups, what happens to bad records."""

from typing import ClassVar, Literal

from raymill.config.section import Section, setting


class StreamSettings(Section):
    """Settings of `raymill run` and of pipelines."""

    section: ClassVar[str] = "streams"

    in_flight: int = setting(
        2, "Pieces on their way at a time, for each worker", unit="pieces", ge=1
    )
    checkpoint_s: float = setting(5.0, "Time between two checkpoints", unit="s", gt=0)
    key_groups: int = setting(
        64, "Groups that keys are cut into; more workers than groups stay idle", unit="groups", ge=1
    )
    on_error: Literal["dead-letter", "skip", "stop"] = setting(
        "dead-letter", "What happens to a record that fails"
    )
