"""How live prices are listened to, and when they are stored."""

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import field_validator

from raymill.config.section import Section, setting


class MarketLiveSettings(Section):
    """Settings of `raymill market stream` and `raymill streams`."""

    section: ClassVar[str] = "market_live"

    binance_url: str = setting(
        "wss://stream.binance.com:9443", "Where Binance's stream is connected to"
    )
    flush_s: float = setting(5.0, "Time after which records are stored", unit="s", gt=0)
    flush_rows: int = setting(
        10_000, "Number of records that are stored at once", unit="records", ge=1
    )
    buffer: int = setting(
        10_000,
        "Records of a kind that wait in memory; beyond it trades and bars wait on the disk, and of "
        "quotes the newest stay",
        unit="records",
        ge=1,
    )
    status_s: float = setting(1.0, "How often a stream says where it stands", unit="s", gt=0)
    stale_s: float = setting(
        30.0, "Shortest silence after which a connection is given up", unit="s", gt=0
    )
    poll_s: float = setting(
        15.0, "How often a source without live connections is asked", unit="s", gt=0
    )
    most: int = setting(
        20,
        "Streams that run at a time",
        unit="streams",
        ge=1,
        aliases=("TICKSCRAWLER_MAX_STREAMS",),
    )
    fill_most: int = setting(
        1_000_000,
        "Largest gap that a stream fills by itself; a larger one is left to a crawl",
        unit="records",
        ge=0,
    )

    @field_validator("binance_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.query:
            raise ValueError("give an address such as `wss://stream.binance.com:9443`")
        return url.rstrip("/")
