"""Where a ticker stands, in the nine words and the record that older programs read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal

from raymill.errors import DataError

Word = Literal[
    "discovered",
    "moved_to_processing",
    "downloading_sec_filing",
    "sec_filing_downloaded",
    "extracting_facts",
    "facts_extracted",
    "saving_parquet",
    "completed",
    "error",
]
"""The words for the states of a ticker."""


class ProcessingStatus(Enum):
    """The nine states of a ticker."""

    DISCOVERED = "discovered"
    MOVED_TO_PROCESSING = "moved_to_processing"
    DOWNLOADING_SEC_FILING = "downloading_sec_filing"
    SEC_FILING_DOWNLOADED = "sec_filing_downloaded"
    EXTRACTING_FACTS = "extracting_facts"
    FACTS_EXTRACTED = "facts_extracted"
    SAVING_PARQUET = "saving_parquet"
    COMPLETED = "completed"
    ERROR = "error"

    @property
    def is_over(self) -> bool:
        """Whether nothing follows by itself."""
        return self in (ProcessingStatus.COMPLETED, ProcessingStatus.ERROR)


@dataclass(frozen=True, slots=True)
class ProcessingState:
    """Where a ticker stands, as `<TICKER>_state.json` has it. Times are UTC."""

    ticker: str
    original_file_path: str
    status: ProcessingStatus = ProcessingStatus.DISCOVERED
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime | None = None
    processing_file_path: str | None = None
    state_file_path: str | None = None
    sec_filing_path: str | None = None
    parquet_output_path: str | None = None
    error_message: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.updated_at is None:
            object.__setattr__(self, "updated_at", self.created_at)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, in the order of the file."""
        assert self.updated_at is not None
        return {
            "ticker": self.ticker,
            "original_file_path": self.original_file_path,
            "processing_file_path": self.processing_file_path,
            "state_file_path": self.state_file_path,
            "status": self.status.value,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
            "sec_filing_path": self.sec_filing_path,
            "parquet_output_path": self.parquet_output_path,
            "error_message": self.error_message,
            "metadata": dict(self.metadata),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ProcessingState":
        """Read a record; times without a zone are taken as UTC. Raises DataError."""
        try:
            created = _time(values["created_at"])
            updated = values.get("updated_at")
            return cls(
                ticker=_text(values["ticker"]),
                original_file_path=_text(values["original_file_path"]),
                status=ProcessingStatus(values["status"]),
                created_at=created,
                updated_at=created if updated is None else _time(updated),
                error_message=values.get("error_message"),
                metadata=dict(values.get("metadata") or {}),
                **{name: values.get(name) for name in _PATHS},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise DataError(f"This is no state of a ticker: {what}") from error

    def is_completed(self) -> bool:
        """Whether all is done."""
        return self.status is ProcessingStatus.COMPLETED

    def has_error(self) -> bool:
        """Whether it failed."""
        return self.status is ProcessingStatus.ERROR

    def get_processing_duration(self) -> float | None:
        """Seconds from the beginning to the end, None while it goes on."""
        if not self.status.is_over or self.updated_at is None:
            return None
        return (self.updated_at - self.created_at).total_seconds()

    def reached(self) -> ProcessingStatus:
        """The state in which an error is taken up again; the state itself where there is none."""
        if self.status is not ProcessingStatus.ERROR:
            return self.status
        if self.parquet_output_path:
            return ProcessingStatus.FACTS_EXTRACTED
        if self.sec_filing_path:
            return ProcessingStatus.SEC_FILING_DOWNLOADED
        if self.processing_file_path:
            return ProcessingStatus.MOVED_TO_PROCESSING
        return ProcessingStatus.DISCOVERED


_PATHS = ("processing_file_path", "state_file_path", "sec_filing_path", "parquet_output_path")


def _time(text: Any) -> datetime:
    found = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{value}` is no text")
    return value
