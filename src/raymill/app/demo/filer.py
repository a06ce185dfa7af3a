"""A company that does not exist, its reports as inline XBRL, and what the SEC would answer of it.

Its numbers are written down here, so that what comes out of the dataset can be held against them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from html import escape

from raymill import json

CIK, TICKER, NAME = 9_999_999, "DEMO", "Demo Bicycles Inc."
LABELS = {"Revenues": "Revenue", "NetIncomeLoss": "Net income", "Assets": "Total assets"}


@dataclass(frozen=True, slots=True)
class Report:
    """A report: of which fiscal year, when filed, and millions of dollars by concept."""

    number: int
    form: str
    year: int
    filed: date
    millions: dict[str, float]

    @property
    def accession(self) -> str:
        """Its number at the SEC."""
        return f"{CIK:010}-{self.filed:%y}-{self.number:06}"

    @property
    def page_name(self) -> str:
        """The name of its page."""
        return f"demo-{self.year}1231{'a' if self.form.endswith('/A') else ''}.htm"

    @property
    def path(self) -> str:
        """Where its page lies."""
        return f"/Archives/edgar/data/{CIK}/{self.accession.replace('-', '')}/{self.page_name}"

    def facts(self) -> Iterator[tuple[str, str | None, str, int, str]]:
        """Concept, start, end, dollars and accession of each number."""
        for concept, millions in self.millions.items():
            start = None if concept == "Assets" else f"{self.year}-01-01"
            yield concept, start, f"{self.year}-12-31", round(millions * 1e6), self.accession


def _report(number: int, form: str, year: int, filed: str, *millions: float) -> Report:
    return Report(
        number, form, year, date.fromisoformat(filed), dict(zip(LABELS, millions, strict=True))
    )


REPORTS = (
    _report(1, "10-K", 2019, "2020-02-14", 41.2, 3.1, 60.5),
    _report(2, "10-K", 2020, "2021-02-12", 48.9, 4.4, 66.0),
    _report(3, "10-K", 2021, "2022-02-11", 63.7, 7.9, 81.3),
    _report(4, "10-K", 2022, "2023-02-10", 71.5, 8.2, 90.1),
    _report(5, "10-K/A", 2022, "2023-08-18", 66.8, 5.6, 88.4),
    _report(6, "10-K", 2023, "2024-02-09", 70.3, 6.7, 93.9),
    _report(7, "10-K", 2024, "2025-02-14", 82.6, 9.8, 104.2),
)
OLD = Report(8, "10-K", 2004, date(2005, 3, 1), {})
"""A report from before there was XBRL."""

_HEAD = """<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"
 xmlns:ixt="http://www.xbrl.org/inlineXBRL/transformation/2020-02-12"
 xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:us-gaap="http://fasb.org/us-gaap/2024"
 xmlns:dei="http://xbrl.sec.gov/dei/2024" xmlns:iso4217="http://www.xbrl.org/2003/iso4217">
<head><title>{title}</title></head><body><div style="display:none"><ix:header><ix:hidden>
<ix:nonNumeric contextRef="year" name="dei:EntityRegistrantName">{name}</ix:nonNumeric>
<ix:nonNumeric contextRef="year" name="dei:DocumentType">{form}</ix:nonNumeric>
</ix:hidden><ix:resources>
<xbrli:context id="year"><xbrli:entity>{who}</xbrli:entity><xbrli:period>
<xbrli:startDate>{year}-01-01</xbrli:startDate><xbrli:endDate>{year}-12-31</xbrli:endDate>
</xbrli:period></xbrli:context>
<xbrli:context id="end"><xbrli:entity>{who}</xbrli:entity><xbrli:period>
<xbrli:instant>{year}-12-31</xbrli:instant></xbrli:period></xbrli:context>
<xbrli:unit id="usd"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit>
</ix:resources></ix:header></div>
<h1>{title}</h1><p>In millions of US dollars</p><table>"""
_WHO = '<xbrli:identifier scheme="http://www.sec.gov/CIK">{cik:010}</xbrli:identifier>'
_ROW = """<tr><td>{label}</td><td><ix:nonFraction name="us-gaap:{concept}" contextRef="{context}"
 unitRef="usd" decimals="-5" scale="6" format="ixt:num-dot-decimal">{text}</ix:nonFraction></td>
</tr>"""


def page(report: Report) -> bytes:
    """A report as people and programs read it."""
    title = f"{NAME}: {report.form} for {report.year}"
    head = _HEAD.format(
        title=escape(title),
        name=escape(NAME),
        form=report.form,
        who=_WHO.format(cik=CIK),
        year=report.year,
    )
    rows = (
        _ROW.format(
            label=LABELS[concept],
            concept=concept,
            context="end" if concept == "Assets" else "year",
            text=f"{millions:,.1f}",
        )
        for concept, millions in report.millions.items()
    )
    return f"{head}{''.join(rows)}</table></body></html>".encode()


def answers() -> dict[str, bytes]:
    """What is answered of the company, by path."""
    listed = (*REPORTS, OLD)
    columns = {
        "accessionNumber": [one.accession for one in listed],
        "filingDate": [one.filed.isoformat() for one in listed],
        "acceptanceDateTime": [f"{one.filed}T12:00:00.000Z" for one in listed],
        "reportDate": [f"{one.year}-12-31" for one in listed],
        "form": [one.form for one in listed],
        "size": [1] * len(listed),
        "isXBRL": [int(bool(one.millions)) for one in listed],
        "isInlineXBRL": [int(bool(one.millions)) for one in listed],
        "primaryDocument": [one.page_name for one in listed],
    }
    company = {
        "cik": f"{CIK:010}",
        "name": NAME,
        "tickers": [TICKER],
        "filings": {"recent": columns, "files": []},
    }
    tickers = {"0": {"cik_str": CIK, "ticker": TICKER, "title": NAME}}
    return {
        "/files/company_tickers.json": json.dumps(tickers),
        f"/submissions/CIK{CIK:010}.json": json.dumps(company),
        **{report.path: page(report) for report in REPORTS},
    }
