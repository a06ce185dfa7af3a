"""What is known of a filing besides its facts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

_ACCESSION = re.compile(r"(?<!\d)(\d{10})-?(\d{2})-?(\d{6})(?!\d)")
_DIGITS = {"EntityCentralIndexKey": 10, "DocumentFiscalYearFocus": 4}
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,9}")


@dataclass(frozen=True, slots=True)
class Filing:
    """One submission to the SEC. What is unknown is None."""

    cik: int | None = None
    entity: str | None = None
    ticker: str | None = None
    form: str | None = None
    accession: str | None = None
    filed: date | None = None
    accepted: datetime | None = None
    fy: int | None = None
    fp: str | None = None
    is_amendment: bool | None = None

    def completed(self, cover: Mapping[str, str], cik: int | None) -> "Filing":
        """The filing with what its cover page says, where it was not known before."""
        form = self.form or cover.get("DocumentType")
        flag = cover.get("AmendmentFlag", "").lower()
        amended = self.is_amendment
        if amended is None:
            amended = flag == "true" if flag else bool(form and form.endswith("/A"))
        return replace(
            self,
            cik=self.cik if self.cik is not None else number(cover, "EntityCentralIndexKey", cik),
            entity=self.entity or cover.get("EntityRegistrantName"),
            ticker=self.ticker or ticker_of(cover.get("TradingSymbol", "")),
            form=form,
            fy=self.fy if self.fy is not None else number(cover, "DocumentFiscalYearFocus", None),
            fp=self.fp or cover.get("DocumentFiscalPeriodFocus"),
            is_amendment=amended,
        )


def number(cover: Mapping[str, str], name: str, otherwise: int | None) -> int | None:
    """A whole number of the cover page."""
    text = cover.get(name, "")
    most = _DIGITS[name]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most else otherwise


def ticker_of(text: str) -> str | None:
    """A ticker as it is written everywhere, None where the text is none.

    >>> ticker_of("brk.b "), ticker_of("../../evil"), ticker_of("N/A")
    ('BRK-B', None, None)
    """
    name = text.strip().upper()
    return name.replace(".", "-") if _TICKER.fullmatch(name) else None


def accession_of(text: str) -> str | None:
    """The accession number in a path or name, with its dashes.

    >>> accession_of("archives/000032019325000057/aapl.htm")
    '0000320193-25-000057'
    """
    found = _ACCESSION.findall(text)
    return "-".join(found[-1]) if found else None


def accepted_at(digits: str) -> datetime | None:
    """The instant of `<ACCEPTANCE-DATETIME>`, fourteen digits of Eastern time.

    >>> accepted_at("20250502060046").isoformat()
    '2025-05-02T10:00:46+00:00'
    >>> accepted_at("20251219170037").isoformat()
    '2025-12-19T22:00:37+00:00'
    """
    try:
        local = datetime.strptime(digits, "%Y%m%d%H%M%S")
    except ValueError:
        return None
    hours = 4 if _sunday(local.year, 3, 2) <= local < _sunday(local.year, 11, 1) else 5
    return (local + timedelta(hours=hours)).replace(tzinfo=UTC)


def _sunday(year: int, month: int, which: int) -> datetime:
    """Two o'clock on a Sunday of a month: the change of clocks in the US since 2007."""
    first = datetime(year, month, 1, 2)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (which - 1))
