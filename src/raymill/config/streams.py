"""How streams run: sizes of what is read, checkpoints, key groups, what happens to bad records."""

from typing import ClassVar, Literal

from raymill.config.section import Section, setting


class StreamSettings(Section):
    """Settings of `raymill run` and of pipelines."""

    section: ClassVar[str] = "streams"

    batch_rows: int = setting(65_536, "Most rows in one batch of columns", unit="rows", ge=1)
    piece_bytes: int = setting(
        8 * 2**20, "Input that one worker loads in one go", unit="bytes", ge=4096
    )
    in_flight: int = setting(
        4, "Pieces on their way at a time, for each worker", unit="pieces", ge=1
    )
    checkpoint_s: float = setting(5.0, "Time between two checkpoints", unit="s", gt=0)
    key_groups: int = setting(
        64, "Groups that keys are cut into; more workers than groups stay idle", unit="groups", ge=1
    )
    on_error: Literal["dead-letter", "skip", "stop"] = setting(
        "dead-letter", "What happens to a record that fails"
    )
