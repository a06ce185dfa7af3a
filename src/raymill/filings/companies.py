"""The companies that have a ticker, and the forms in which a company may be named."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from raymill import json
from raymill.errors import DataError, UnknownName, near
from raymill.filings.filing import ticker_of

_CIK = re.compile(r"(?:CIK)?(\d{1,10})", re.IGNORECASE)
HINT = "give a ticker (AAPL, BRK-B), a CIK (320193) or the exact name of a company"


@dataclass(frozen=True, slots=True)
class Company:
    """A filer: its number at the SEC, its name, and its tickers, the main one first.

    What the list of tickers does not say (exchanges, industry, end of the fiscal year as month and
    day) is filled from the company's own list of filings.
    """

    cik: int
    name: str = ""
    tickers: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    sic: str = ""
    fiscal_year_end: str = ""

    @property
    def cik10(self) -> str:
        """The number as the SEC's addresses have it: ten digits."""
        return f"{self.cik:010d}"


class Companies:
    """The companies that have tickers, found by any of their names."""

    def __init__(self, companies: Iterable[Company]) -> None:
        self.by_cik = {company.cik: company for company in companies}
        everybody = self.by_cik.values()
        self.by_ticker = {ticker: one for one in everybody for ticker in one.tickers}
        self._by_name: dict[str, list[Company]] = {}
        for one in everybody:
            self._by_name.setdefault(_plain(one.name), []).append(one)

    def resolve(self, text: str) -> Company:
        """The company of a ticker (`brk.b`, `BRK-B`), a CIK or an exact name. Raises UnknownName.

        A CIK without a ticker is taken as it is: most filers have none.
        """
        if number := _CIK.fullmatch(text.strip()):
            cik = int(number[1])
            return self.by_cik.get(cik) or Company(cik)
        if found := self.by_ticker.get(ticker_of(text) or ""):
            return found
        named = self._by_name.get(_plain(text), [])
        if len(named) == 1:
            return named[0]
        if named:
            ciks = ", ".join(str(company.cik) for company in named)
            raise UnknownName(f"`{text}` is the name of several companies", hint=f"CIKs: {ciks}")
        raise UnknownName(f"Unknown company `{text}`", hint=self._guess(text))

    def _guess(self, text: str) -> str:
        if not (ticker := ticker_of(text)):
            return HINT
        guess = near(ticker, self.by_ticker)
        return f"{guess} Else {HINT}" if guess else HINT

    def __len__(self) -> int:
        return len(self.by_cik)


def read_tickers(data: bytes, name: str = "company_tickers.json") -> Companies:
    """Read the SEC's list of tickers: one row for each ticker, so several for a company."""
    try:
        rows: dict[str, dict[str, Any]] = json.loads(data)
        found: dict[int, Company] = {}
        for row in rows.values():
            cik, ticker = int(row["cik_str"]), ticker_of(str(row["ticker"]))
            known = found.get(cik, Company(cik, str(row["title"])))
            added = (ticker,) if ticker and ticker not in known.tickers else ()
            found[cik] = Company(cik, known.name, known.tickers + added)
    except (json.JSONError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"`{name}` is no list of tickers: {error!r}", hint="fetch it again") from (
            error
        )
    return Companies(found.values())


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
